//! Asks debuginfod servers for files, and keeps them where elfutils does.
//!
//! Source: debuginfod(8), "WEBAPI"; debuginfod_find_debuginfo(3), "CACHE". The
//! layout of the cache is that of elfutils' `debuginfod/debuginfod-client.c`: a
//! directory for each build-id, a file for each answer, an empty file where no
//! server had one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::symbols::fetch::Wanted;
use crate::symbols::plan::hex;
use crate::symbols::servers::Servers;

/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

impl Wanted<'_> {
    /// The end of the address; the part of the path of a source is as it is in
    /// the debug information, with all but plain characters escaped.
    fn request(self) -> String {
        match self {
            Self::Debuginfo => "debuginfo".to_owned(),
            Self::Executable => "executable".to_owned(),
            Self::Source(path) => {
                let mut request = "source".to_owned();
                for byte in path.bytes() {
                    match byte {
                        b'/' | b'-' | b'.' | b'_' | b'~' => request.push(char::from(byte)),
                        _ if byte.is_ascii_alphanumeric() => request.push(char::from(byte)),
                        _ => request.push_str(&format!("%{byte:02X}")),
                    }
                }
                request
            }
        }
    }

    /// The file's name in the cache.
    fn name(self) -> String {
        match self {
            Self::Debuginfo => "debuginfo".to_owned(),
            Self::Executable => "executable".to_owned(),
            Self::Source(path) => format!("source{}", path.replace('/', "#")),
        }
    }
}

/// The servers, and the directory of what came from them.
pub(super) struct Client<'s> {
    pub(super) servers: &'s Servers,
    pub(super) cache: &'s Path,
}

/// What went wrong with one server.
enum Trouble {
    /// It does not answer: nothing more is asked of it.
    Server(String),
    /// This file does not come.
    File(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::File(why)
    }
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// All servers answered, and none has it.
    Absent,
    /// Somebody did not answer, or not well.
    Failed(String),
}

impl Client<'_> {
    /// The file that a server gave, now or before.
    pub(super) fn file(&self, build_id: &[u8], wanted: Wanted<'_>) -> Result<PathBuf, Lack> {
        let directory = self.cache.join(hex(build_id));
        let path = directory.join(wanted.name());
        if let Ok(found) = path.metadata() {
            if found.len() > 0 {
                return Ok(path);
            }
            let age = found.modified().ok().and_then(|at| self.servers.now.duration_since(at).ok());
            // A file of the future is as good as one of now.
            if age.unwrap_or_default() < self.servers.miss {
                return Err(Lack::Absent);
            }
        }
        let failed = |error: io::Error| {
            Lack::Failed(format!("{} cannot be written: {error}", directory.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let mut troubles = Vec::new();
        for server in &self.servers.urls {
            if self.servers.traffic.is_stopped() {
                return Err(Lack::Failed("the download was interrupted".to_owned()));
            }
            // Waiting once is enough.
            if self.servers.traffic.is_given_up(server) {
                troubles.push(format!("{server} was given up"));
                continue;
            }
            match self.download(server, build_id, wanted, &directory, &path) {
                Ok(true) => return Ok(path),
                Ok(false) => (),
                Err(Trouble::Server(why)) => {
                    self.servers.traffic.give_up(server);
                    troubles.push(format!("{server}: {why}"));
                }
                Err(Trouble::File(why)) => troubles.push(format!("{server}: {why}")),
            }
        }
        if troubles.is_empty() {
            // So that nobody asks again for a while. If it cannot be noted,
            // they will.
            let _noted = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)
                .and_then(|file| file.set_modified(self.servers.now));
            return Err(Lack::Absent);
        }
        Err(Lack::Failed(troubles.join("; ")))
    }

    /// Asks one server. False: it does not have the file.
    fn download(
        &self,
        server: &str,
        build_id: &[u8],
        wanted: Wanted<'_>,
        directory: &Path,
        path: &Path,
    ) -> Result<bool, Trouble> {
        let url = format!(
            "{}/buildid/{}/{}",
            server.trim_end_matches('/'),
            hex(build_id),
            wanted.request()
        );
        let mut partial =
            Partial::open(directory, &wanted.name()).map_err(|why| why.to_string())?;
        let mut request = self.agent().get(&url);
        if partial.len > 0 {
            request = request.header("Range", format!("bytes={}-", partial.len));
        }
        let answer = request.call();
        let mut answer = answer.map_err(|error| Trouble::Server(self.told(&error)))?;
        let header = |name: &str| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let length = header("content-length").and_then(|length| length.parse::<u64>().ok());
        let range = header("content-range");
        // `bytes FIRST-LAST/SIZE`
        let first = format!("bytes {}-", partial.len);
        let goes_on = range.is_some_and(|range| range.starts_with(&first));
        match answer.status().as_u16() {
            200 => partial.restart().map_err(|error| error.to_string())?,
            206 if goes_on => (),
            404 => {
                partial.remove();
                return Ok(false);
            }
            // What is there is not what the server has.
            206 | 416 => {
                partial.remove();
                return Err("it cannot go on where a download was broken off".to_owned().into());
            }
            status => return Err(format!("it answered with status {status}").into()),
        }
        let too_large = || format!("the file has more than {} bytes", self.servers.largest);
        if length.is_some_and(|length| length > self.servers.largest) {
            return Err(too_large().into());
        }
        self.servers.traffic.expect(length.unwrap_or(0));
        let mut body = answer.body_mut().as_reader();
        let mut got = 0_u64;
        let mut piece = vec![0; PIECE];
        loop {
            if self.servers.traffic.is_stopped() {
                return Err("the download was interrupted".to_owned().into());
            }
            let read = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(Trouble::Server(self.io_told(&error))),
            };
            got = got.saturating_add(read as u64);
            if partial.len.saturating_add(got) > self.servers.largest {
                partial.remove();
                return Err(too_large().into());
            }
            let bytes = piece.get(..read).unwrap_or_default();
            partial.file.write_all(bytes).map_err(|error| error.to_string())?;
            self.servers.traffic.receive(read as u64);
        }
        if length.is_some_and(|length| length != got) {
            return Err("the connection ended before the file".to_owned().into());
        }
        partial.finish(path).map_err(|error| error.to_string())?;
        self.servers.traffic.finish();
        Ok(true)
    }

    fn agent(&self) -> ureq::Agent {
        let config = ureq::Agent::config_builder()
            .user_agent(concat!("coretool/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // Parts of a file are asked for, so it must come as it is.
            .accept_encoding("identity")
            .max_redirects(5)
            .timeout_global(Some(self.servers.longest))
            .timeout_resolve(Some(self.servers.patience))
            .timeout_connect(Some(self.servers.patience))
            .timeout_send_request(Some(self.servers.patience))
            .timeout_recv_response(Some(self.servers.patience))
            .timeout_per_read(Some(self.servers.patience))
            .build();
        config.into()
    }

    fn told(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Global) => self.too_long(),
            ureq::Error::Timeout(_) => self.silent(),
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            error => error.to_string(),
        }
    }

    fn io_told(&self, error: &io::Error) -> String {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            Some(inner) => self.told(inner),
            None if error.kind() == io::ErrorKind::TimedOut => self.silent(),
            None => error.to_string(),
        }
    }

    fn silent(&self) -> String {
        format!("it sent nothing for {}", seconds(self.servers.patience))
    }

    fn too_long(&self) -> String {
        format!("it took longer than {}", seconds(self.servers.longest))
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        1 => "1 second".to_owned(),
        0 => format!("{} ms", time.as_millis()),
        more => format!("{more} seconds"),
    }
}

/// A file that is coming. What was broken off is gone on with the next time.
struct Partial {
    file: File,
    path: PathBuf,
    len: u64,
}

impl Partial {
    /// The file of a download that was broken off, or a new one. One that
    /// somebody else writes to at this moment is left to them.
    fn open(directory: &Path, name: &str) -> io::Result<Self> {
        let open = |path: &Path| {
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
        };
        let path = directory.join(format!("{name}.part"));
        let file = open(&path)?;
        if file.try_lock().is_ok() {
            let len = file.metadata()?.len();
            return Ok(Self { file, path, len });
        }
        let path = directory.join(format!("{name}.part-{}", std::process::id()));
        let file = open(&path)?;
        file.set_len(0)?;
        Ok(Self { file, path, len: 0 })
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.len = 0;
        Ok(())
    }

    fn remove(&self) {
        // One that stays is gone on with, or found to be wrong, the next time.
        let _removed = fs::remove_file(&self.path);
    }

    /// Gives the file its name. It has that in whole, or not at all.
    fn finish(self, path: &Path) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(0o400))?;
        self.file.sync_all()?;
        fs::rename(&self.path, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_names() {
        let cases = [
            (Wanted::Debuginfo, "debuginfo", "debuginfo"),
            (Wanted::Executable, "executable", "executable"),
            (Wanted::Source("/usr/a b/c%.c"), "source/usr/a%20b/c%25.c", "source#usr#a b#c%.c"),
        ];
        for (wanted, request, name) in cases {
            assert_eq!(wanted.request(), request);
            assert_eq!(wanted.name(), name);
        }
    }
}
