//! Unpacks in a thread of its own, some pieces ahead of who reads.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;
/// Pieces that wait to be read.
const AHEAD: usize = 4;

/// The reader's end.
pub(super) struct DecodeAhead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl DecodeAhead {
    /// Starts to read `decoder`. The thread ends with it, or when the reader's
    /// end is dropped.
    ///
    /// # Errors
    ///
    /// When there can be no more threads.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        decoder: Box<dyn Read + Send + 'scope>,
    ) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(AHEAD);
        let (used, empty) = channel();
        Builder::new()
            .name("unpack".to_owned())
            .spawn_scoped(scope, move || unpack(decoder, &sender, &empty))?;
        Ok(Self { pieces, used, piece: Vec::new(), at: 0, is_over: false })
    }
}

fn unpack(
    mut decoder: Box<dyn Read + Send + '_>,
    pieces: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut filled = 0;
        let mut end = None;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match decoder.read(rest) {
                Ok(0) => {
                    end = Some(Ok(Vec::new()));
                    break;
                }
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => {
                    end = Some(Err(error));
                    break;
                }
            }
        }
        piece.truncate(filled);
        if filled > 0 && pieces.send(Ok(piece)).is_err() {
            return;
        }
        if let Some(end) = end {
            let _nobody_waits = pieces.send(end);
            return;
        }
    }
}

impl BufRead for DecodeAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.piece.len() && !self.is_over {
            let _thread_ended = self.used.send(std::mem::take(&mut self.piece));
            self.at = 0;
            match self.pieces.recv() {
                Ok(Ok(piece)) => {
                    self.is_over = piece.is_empty();
                    self.piece = piece;
                }
                Ok(Err(error)) => {
                    self.is_over = true;
                    return Err(error);
                }
                Err(_thread_ended) => self.is_over = true,
            }
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount).min(self.piece.len());
    }
}

impl Read for DecodeAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(out)?;
        self.consume(got);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes, then an error.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("damage"));
            }
            let got = out.len().min(self.0).min(1000);
            out[..got].fill(7);
            self.0 -= got;
            Ok(got)
        }
    }

    #[test]
    fn all_bytes_come_before_the_error() {
        for size in [0, 1, PIECE, PIECE * 9 + 5] {
            std::thread::scope(|scope| {
                let mut ahead = DecodeAhead::start(scope, Box::new(Failing(size))).unwrap();
                let mut out = Vec::new();
                let error = ahead.read_to_end(&mut out).unwrap_err();
                assert_eq!((out.len(), error.to_string()), (size, "damage".to_owned()));
                assert!(ahead.fill_buf().unwrap().is_empty(), "it is said once");
            });
        }
    }

    #[test]
    fn who_does_not_read_on_does_not_wait() {
        std::thread::scope(|scope| {
            let endless = Box::new(io::repeat(1));
            let mut ahead = DecodeAhead::start(scope, endless).unwrap();
            assert_eq!(ahead.fill_buf().unwrap().len(), PIECE);
        });
    }
}
