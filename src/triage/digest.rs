//! BLAKE2b with 32 bytes of result: what files are named by.
//!
//! `b2sum -l 256 FILE` gives the same, so that anybody can check a name.
//!
//! Source: RFC 7693, sections 2.6 to 3.3.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// The fractional parts of the square roots of the first eight primes, as in
/// SHA-512.
const START: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The order of the message's words in each round; the last two rounds use the
/// first two rows again.
const ORDER: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// Columns, then diagonals.
const MIXED: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

const BLOCK: usize = 128;

/// A digest in the making.
#[derive(Clone, Debug)]
pub struct Digest {
    state: [u64; 8],
    /// Bytes so far; the algorithm counts to 2^128.
    length: u128,
    /// A block is mixed only when more follows: the last one is marked.
    block: [u8; BLOCK],
    filled: usize,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// Of nothing yet.
    pub fn new() -> Self {
        let mut state = START;
        // 32 bytes of result, no key, fan-out and depth 1.
        state[0] ^= 0x0101_0020;
        Self { state, length: 0, block: [0; BLOCK], filled: 0 }
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.filled == BLOCK {
                self.mix(false);
            }
            let free = self.block.get_mut(self.filled..).unwrap_or_default();
            let len = free.len().min(rest.len());
            let (now, later) = rest.split_at(len);
            free.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.filled = self.filled.saturating_add(len);
            self.length = self.length.wrapping_add(len as u128);
            rest = later;
        }
    }

    /// The digest as 64 lower-case hexadecimal digits.
    pub fn finish(mut self) -> String {
        self.block.iter_mut().skip(self.filled).for_each(|byte| *byte = 0);
        self.mix(true);
        let bytes = self.state.iter().take(4).flat_map(|word| word.to_le_bytes());
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Takes in the block.
    fn mix(&mut self, is_last: bool) {
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(self.block.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let mut v = [0; 16];
        let start = self.state.iter().chain(&START);
        v.iter_mut().zip(start).for_each(|(to, from)| *to = *from);
        v[12] ^= self.length as u64;
        v[13] ^= (self.length >> 64) as u64;
        if is_last {
            v[14] = !v[14];
        }
        for order in ORDER.iter().chain(ORDER.iter().take(2)) {
            for ([a, b, c, d], pair) in MIXED.iter().zip(order.as_chunks::<2>().0) {
                let (x, y) = (words[pair[0]], words[pair[1]]);
                v[*a] = v[*a].wrapping_add(v[*b]).wrapping_add(x);
                v[*d] = (v[*d] ^ v[*a]).rotate_right(32);
                v[*c] = v[*c].wrapping_add(v[*d]);
                v[*b] = (v[*b] ^ v[*c]).rotate_right(24);
                v[*a] = v[*a].wrapping_add(v[*b]).wrapping_add(y);
                v[*d] = (v[*d] ^ v[*a]).rotate_right(16);
                v[*c] = v[*c].wrapping_add(v[*d]);
                v[*b] = (v[*b] ^ v[*c]).rotate_right(63);
            }
        }
        let (low, high) = v.split_at(8);
        for (state, (low, high)) in self.state.iter_mut().zip(low.iter().zip(high)) {
            *state ^= low ^ high;
        }
        self.filled = 0;
    }
}

/// The digest of `bytes`.
pub fn digest(bytes: &[u8]) -> String {
    let mut digest = Digest::new();
    digest.add(bytes);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        let million = vec![b'a'; 1_000_000];
        // From `b2sum -l 256`.
        let cases: [(&str, &[u8], &str); 3] = [
            ("nothing", b"", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
            ("abc", b"abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
            (
                "a million",
                &million,
                "0741850f36cba4259628355d1073e24ddb9ca0e1bfac36fd39ae5dc2101e23a4",
            ),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(digest(bytes), want, "{name}");
            let mut pieces = Digest::new();
            bytes.chunks(77).for_each(|piece| pieces.add(piece));
            assert_eq!(pieces.finish(), want, "{name} in pieces");
        }
    }
}
