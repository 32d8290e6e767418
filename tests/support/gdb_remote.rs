//! A client of gdb's remote protocol, for what QEMU runs.
//!
//! Source: GDB manual, appendix E "GDB Remote Serial Protocol".

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A connection to a stub.
pub(crate) struct Remote {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback interface");
    listener.local_addr().expect("its own address").port()
}

impl Remote {
    /// Connects, once the stub listens.
    pub(crate) fn connect(port: u16) -> Self {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
                    stream.set_nodelay(true).expect("a TCP stream");
                    let answers = BufReader::new(stream.try_clone().expect("a second handle"));
                    return Self { stream, answers };
                }
                Err(error) => assert!(Instant::now() < give_up, "no stub listens: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a command, and returns the answer.
    pub(crate) fn ask(&mut self, command: &str) -> Vec<u8> {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        let packet = format!("${command}#{sum:02x}");
        self.stream.write_all(packet.as_bytes()).expect("the stub listens");
        loop {
            // Acknowledgements come before.
            while self.byte() != b'$' {}
            let mut answer = Vec::new();
            loop {
                match self.byte() {
                    b'#' => break,
                    b'}' => answer.push(self.byte() ^ 0x20),
                    b'*' => {
                        let times = self.byte() - 29;
                        let last = *answer.last().expect("a run repeats a byte");
                        answer.extend(vec![last; usize::from(times)]);
                    }
                    byte => answer.push(byte),
                }
            }
            let _sum = [self.byte(), self.byte()];
            self.stream.write_all(b"+").expect("the stub listens");
            // What the program writes.
            if answer.first() != Some(&b'O') || answer == b"OK" {
                return answer;
            }
        }
    }

    /// Goes on, with a signal if one is to be delivered, and returns the signal
    /// that stops the program next.
    pub(crate) fn go_on(&mut self, signal: Option<u8>) -> u8 {
        let answer = match signal {
            Some(signal) => self.ask(&format!("C{signal:02x}")),
            None => self.ask("c"),
        };
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.starts_with(['T', 'S']), "the program did not stop: {text}");
        u8::from_str_radix(&text[1..3], 16).expect("a signal's number")
    }

    /// The bytes of all registers.
    pub(crate) fn registers(&mut self) -> Vec<u8> {
        unhex(&self.ask("g"))
    }

    /// `len` bytes of memory, or none of them.
    pub(crate) fn memory(&mut self, at: u64, len: usize) -> Option<Vec<u8>> {
        /// Stubs refuse answers that are larger than one packet.
        const PIECE: usize = 1024;
        let mut found = Vec::new();
        while found.len() < len {
            let (from, size) = (at + found.len() as u64, PIECE.min(len - found.len()));
            let answer = self.ask(&format!("m{from:x},{size:x}"));
            let piece = (answer.first() != Some(&b'E')).then(|| unhex(&answer))?;
            if piece.len() != size {
                return None;
            }
            found.extend(piece);
        }
        Some(found)
    }

    /// The auxiliary vector.
    pub(crate) fn auxiliary_vector(&mut self) -> Vec<u8> {
        let answer = self.ask("qXfer:auxv:read::0,1000");
        answer.get(1..).unwrap_or_default().to_vec()
    }

    fn byte(&mut self) -> u8 {
        let mut one = [0];
        self.answers.read_exact(&mut one).expect("the stub answers");
        one[0]
    }
}

fn unhex(digits: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(digits).expect("digits");
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or(0);
    (0..text.len() / 2 * 2).step_by(2).map(pair).collect()
}
