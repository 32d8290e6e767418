//! Tar archives: plain files, written and read.
//!
//! Source: POSIX.1-2017, `pax`, section "ustar Interchange Format"; sizes from
//! 8 GiB on as GNU tar writes them.

use std::fs::File;
use std::io::{self, Read, Write as _};

const BLOCK: usize = 512;

/// An archive in the making.
pub struct Archive<'f> {
    out: &'f File,
    /// Seconds since 1970.
    at: u64,
}

impl<'f> Archive<'f> {
    /// Writes to `out`; all files are as old as `at` says, in seconds since
    /// 1970.
    pub fn new(out: &'f File, at: u64) -> Self {
        Self { out, at }
    }

    /// As it was, but the files that follow are as old as `at` says.
    pub fn dated(&mut self, at: u64) -> &mut Self {
        self.at = at;
        self
    }

    /// Adds a file of this length.
    ///
    /// # Errors
    ///
    /// When the name is too long, the content is shorter, or the disk is full.
    pub fn add(&mut self, name: &str, length: u64, content: &mut dyn Read) -> io::Result<()> {
        self.out.write_all(&self.header(name, length)?)?;
        let copied = io::copy(&mut content.take(length), &mut self.out)?;
        if copied != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = usize::try_from(length.next_multiple_of(512) - length).unwrap_or(0);
        self.out.write_all([0; BLOCK].get(..padding).unwrap_or_default())
    }

    fn header(&self, name: &str, length: u64) -> io::Result<[u8; BLOCK]> {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, text: &[u8]| {
            header.iter_mut().skip(at).zip(text).for_each(|(to, from)| *to = *from);
        };
        if name.len() > 99 {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        put(0, name.as_bytes());
        for (at, number) in [(100, 0o600), (108, 0), (116, 0)] {
            put(at, format!("{number:07o}").as_bytes());
        }
        if length < 1 << 33 {
            put(124, format!("{length:011o}").as_bytes());
        } else {
            // Base 256, big-endian, marked by the highest bit.
            put(124, &[0x80, 0, 0, 0]);
            put(128, &length.to_be_bytes());
        }
        put(136, format!("{:011o}", self.at & 0o77777777777).as_bytes());
        // The checksum counts its own field as spaces.
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        let mut put = |at: usize, text: &[u8]| {
            header.iter_mut().skip(at).zip(text).for_each(|(to, from)| *to = *from);
        };
        put(148, format!("{sum:06o}\0 ").as_bytes());
        Ok(header)
    }

    /// Ends the archive.
    ///
    /// # Errors
    ///
    /// When the disk is full.
    pub fn end(&mut self) -> io::Result<()> {
        self.out.write_all(&[0; 1024])
    }
}

/// What stands before each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name. **From outside**: it may lead anywhere.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last changed, in seconds since 1970.
    pub at: u64,
}

/// The header of the next file, or `None` at the end.
///
/// # Errors
///
/// When it is no archive as [`Archive`] writes them.
pub fn next_entry(from: &mut dyn Read) -> io::Result<Option<Entry>> {
    let mut header = [0_u8; BLOCK];
    from.read_exact(&mut header)?;
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let sum: u32 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default();
    let octal = |at: usize, length: usize| {
        let text = String::from_utf8_lossy(field(at, length)).into_owned();
        let text = text.trim_matches(['\0', ' ']);
        u64::from_str_radix(text, 8).map_err(|_| bad("a number of its header is none"))
    };
    if octal(148, 8)? != u64::from(sum) {
        return Err(bad("the checksum of a header is wrong"));
    }
    if !matches!(header.get(156), Some(b'0')) {
        return Err(bad("it holds more than plain files"));
    }
    let length = match header.get(124) {
        Some(0x80) => field(128, 8).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        _ => octal(124, 12)?,
    };
    let name = field(0, 100).split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8(name.to_vec()).map_err(|_| bad("a name is no text"))?;
    Ok(Some(Entry { name, length, at: octal(136, 12)? }))
}

/// Copies the content of a file, and passes over what fills its last block.
///
/// # Errors
///
/// When the archive ends before it, or the disk is full.
pub fn content(from: &mut dyn Read, entry: &Entry, to: &mut dyn io::Write) -> io::Result<()> {
    let copied = io::copy(&mut from.take(entry.length), to)?;
    if copied != entry.length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let padding = (BLOCK as u64 - entry.length % BLOCK as u64) % BLOCK as u64;
    let passed = io::copy(&mut from.take(padding), &mut io::sink())?;
    if passed != padding {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom};

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let file = tempfile::tempfile().unwrap();
        let mut archive = Archive::new(&file, 7);
        archive.add("a", 3, &mut b"abc".as_slice()).unwrap();
        archive.dated(9).add("dir/b", 512, &mut [5; 512].as_slice()).unwrap();
        assert!(archive.add(&"x".repeat(100), 0, &mut io::empty()).is_err());
        archive.end().unwrap();
        let mut read = &file;
        read.seek(SeekFrom::Start(0)).unwrap();
        let mut found = Vec::new();
        while let Some(entry) = next_entry(&mut read).unwrap() {
            let mut bytes = Vec::new();
            content(&mut read, &entry, &mut bytes).unwrap();
            found.push((entry.name, entry.at, bytes.len()));
        }
        assert_eq!(found, [("a".to_owned(), 7, 3), ("dir/b".to_owned(), 9, 512)]);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        assert!(next_entry(&mut [1; 512].as_slice()).is_err());
        assert!(next_entry(&mut [0; 100].as_slice()).is_err());
        assert_eq!(next_entry(&mut [0; 512].as_slice()).unwrap(), None);
    }
}
