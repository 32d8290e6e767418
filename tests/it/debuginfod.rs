//! Debug files from servers: elfutils' own, on this machine, and servers that
//! do not behave.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coretool::report::model::Report;

use crate::debug_forms::{ID, Workshop, text};

/// elfutils' `debuginfod`, which ends with this.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Serves the files below a directory, once it has read them.
    fn start(files: &Path) -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let mut command = Command::new("debuginfod");
        command.args(["-F", "-d", ":memory:", "-c", "2", "-t", "0"]);
        command.arg("-p").arg(port.to_string()).arg(files);
        // It would ask other servers.
        command.env_remove("DEBUGINFOD_URLS").env("HOME", files);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("debuginfod is installed");
        let server = Self { child, url: format!("http://127.0.0.1:{port}") };
        let give_up = Instant::now() + Duration::from_secs(60);
        while !server.has(&format!("/buildid/{ID}/debuginfo")) {
            assert!(Instant::now() < give_up, "the server does not find the file");
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn has(&self, path: &str) -> bool {
        let address = self.url.strip_prefix("http://").unwrap();
        let Ok(mut stream) = TcpStream::connect(address) else { return false };
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).unwrap_or(0);
        status.contains(" 200 ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A workshop whose program is stripped, with its debug file and source in
/// `served` only.
fn stripped() -> Workshop {
    let workshop = Workshop::new("g++");
    workshop.build(&["-gdwarf-5"], &[]);
    workshop.steps(&[
        &["mkdir", "served"],
        &["objcopy", "--only-keep-debug", "prog", "served/prog.debug"],
        &["cp", "prog", "served/whole-prog"],
        &["strip", "--strip-all", "prog", "served/whole-prog"],
    ]);
    workshop
}

fn analyze(workshop: &Workshop, urls: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["analyze", "core", "--format", "json"]).args(more);
    command.current_dir(workshop.path()).env("DEBUGINFOD_URLS", urls);
    command.env("DEBUGINFOD_CACHE_PATH", workshop.file("cache"));
    command.output().unwrap()
}

fn report(workshop: &Workshop, urls: &str, more: &[&str]) -> Report {
    let output = analyze(workshop, urls, more);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn innermost(report: &Report) -> (Option<&str>, Option<u32>) {
    let frame = &report.threads[0].frames[0];
    (frame.function.as_deref(), frame.line)
}

fn cached(workshop: &Workshop, name: &str) -> PathBuf {
    workshop.file("cache").join(ID).join(name)
}

const EXE: &[&str] = &["--exe", "prog"];
const ASK: &[&str] = &["--exe", "prog", "--debuginfod"];
const KNOWN: (Option<&str>, Option<u32>) = (Some("shop::poke"), Some(26));

#[test]
fn a_server_is_asked_only_when_the_user_says_so() {
    let workshop = stripped();
    let server = Server::start(&workshop.file("served"));
    // The variable alone is no consent.
    let without = report(&workshop, &server.url, EXE);
    assert_eq!(innermost(&without), (None, None));
    assert!(!workshop.file("cache").exists(), "nothing was asked for");
    let hint = without.gaps.iter().find(|gap| gap.missing.contains("of prog")).unwrap();
    assert!(hint.hint.as_ref().unwrap().contains("--debuginfod"), "{hint:#?}");

    let with = report(&workshop, &server.url, ASK);
    assert_eq!(innermost(&with), KNOWN);
    let file = cached(&workshop, "debuginfo");
    assert_eq!(with.modules[0].debug_file.as_deref(), file.to_str());
    assert_eq!(fs::read(&file).unwrap(), fs::read(workshop.file("served/prog.debug")).unwrap());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o400, 0o700));
    let left: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // What is there needs no server, no consent; and elfutils finds it, too.
    drop(server);
    assert_eq!(innermost(&report(&workshop, "", EXE)), KNOWN);
    let find = Command::new("debuginfod-find")
        .args(["debuginfo", ID])
        .env("DEBUGINFOD_URLS", "http://127.0.0.1:9")
        .env("DEBUGINFOD_CACHE_PATH", workshop.file("cache"))
        .output()
        .unwrap();
    assert_eq!(text(&find.stdout).trim(), file.to_str().unwrap(), "{}", text(&find.stderr));
}

#[test]
fn programs_and_sources_come_from_servers_too() {
    let workshop = stripped();
    let server = Server::start(&workshop.file("served"));
    fs::create_dir(workshop.file("empty")).unwrap();
    // Nothing of the machine that the program ran on is here.
    let found = report(&workshop, &server.url, &["--sysroot", "empty", "--debuginfod"]);
    assert_eq!(innermost(&found), KNOWN);
    let executable = fs::read(cached(&workshop, "executable")).unwrap();
    assert_eq!(executable, fs::read(workshop.file("served/whole-prog")).unwrap());
    let excerpt = found.threads[0].frames[0].source.as_ref().unwrap();
    let marked = (excerpt.marked - excerpt.start) as usize;
    assert_eq!(excerpt.lines[marked].trim(), "*target = before;");
}

#[test]
fn what_no_server_has_is_not_asked_for_again() {
    let workshop = stripped();
    let count = Arc::new(AtomicUsize::new(0));
    let requests = Arc::clone(&count);
    let url = serve(move |_request, mut stream| {
        requests.fetch_add(1, Ordering::SeqCst);
        let _sent = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    });
    for _ in 0..2 {
        let found = report(&workshop, &url, ASK);
        assert_eq!(innermost(&found), (None, None));
        let gap = found.gaps.iter().find(|gap| gap.missing.contains("of prog")).unwrap();
        assert!(gap.why.contains("no separate debug file"), "{gap:#?}");
        assert_eq!(fs::metadata(cached(&workshop, "debuginfo")).unwrap().len(), 0);
    }
    let first = count.load(Ordering::SeqCst);
    // One for the program, one for each library on the stack without debug file.
    assert!((1..=3).contains(&first), "{first}");
    // A miss is forgotten after a while.
    let control = workshop.file("cache").join("cache_miss_s");
    fs::write(control, "0\n").unwrap();
    report(&workshop, &url, ASK);
    assert_eq!(count.load(Ordering::SeqCst), 2 * first);
}

#[test]
fn a_silent_server_holds_nobody_up() {
    let workshop = stripped();
    // It takes the request, and says nothing.
    let url = serve(|_request, stream| {
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let begun = Instant::now();
    let found = report(&workshop, &url, ASK);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(20), "{took:?}");
    let gap = found.gaps.iter().find(|gap| gap.missing.contains("from a server")).unwrap();
    assert!(gap.why.contains("it sent nothing for 5 seconds"), "{gap:#?}");
    // The rest of the report is there.
    assert_eq!(found.threads[0].frames.len(), report(&workshop, "", EXE).threads[0].frames.len());
    let refused = report(&workshop, "http://127.0.0.1:9", ASK);
    let gap = refused.gaps.iter().find(|gap| gap.missing.contains("from a server")).unwrap();
    assert!(gap.why.contains("http://127.0.0.1:9: "), "{gap:#?}");
}

#[test]
fn a_download_that_broke_off_goes_on() {
    let workshop = stripped();
    let whole = fs::read(workshop.file("served/prog.debug")).unwrap();
    let half = whole.len() / 2;
    let served = whole.clone();
    let url = serve(move |request, mut stream| {
        if !request.starts_with(&format!("GET /buildid/{ID}/debuginfo ")) {
            let _sent = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            return;
        }
        let range = format!("bytes={half}-");
        let goes_on = request.lines().any(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("range: ").is_some_and(|found| found == range)
        });
        let (first, size) = (half, served.len());
        let (head, body) = match goes_on {
            true => (
                format!(
                    "206 Partial Content\r\ncontent-range: bytes {first}-{}/{size}\r\n\
                     content-length: {}",
                    size - 1,
                    size - first
                ),
                &served[first..],
            ),
            // The connection ends in the middle.
            false => (format!("200 OK\r\ncontent-length: {size}"), &served[..first]),
        };
        let _sent = write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
        let _sent = stream.write_all(body);
    });
    let first = report(&workshop, &url, ASK);
    assert_eq!(innermost(&first), (None, None));
    assert!(!cached(&workshop, "debuginfo").exists());
    assert_eq!(fs::metadata(cached(&workshop, "debuginfo.part")).unwrap().len(), half as u64);
    let second = report(&workshop, &url, ASK);
    assert_eq!(innermost(&second), KNOWN);
    assert_eq!(fs::read(cached(&workshop, "debuginfo")).unwrap(), whole);
}

#[test]
fn a_file_of_another_build_is_not_used() {
    let workshop = stripped();
    let other = fs::read(env!("CARGO_BIN_EXE_coretool")).unwrap();
    let url = serve(move |_request, mut stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", other.len());
        let _sent = stream.write_all(head.as_bytes());
        let _sent = stream.write_all(&other);
    });
    assert_eq!(innermost(&report(&workshop, &url, ASK)), (None, None));
}

#[test]
fn without_servers_asking_is_refused() {
    let workshop = stripped();
    let output = analyze(&workshop, "", &["--debuginfod=nonsense"]);
    assert_eq!(output.status.code(), Some(1));
    let talk = text(&output.stderr);
    assert!(talk.contains("no server is known") && talk.contains("DEBUGINFOD_URLS"), "{talk}");
}

/// A server on this machine that answers each request as it is told.
fn serve(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut request = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut request).unwrap_or(0) > 2 {}
                answer(&request, stream);
            });
        }
    });
    url
}
