//! Bytes of a process as text.

/// Paths and names need not be UTF-8: a byte that is not is written as `\xff`,
/// so that nothing is lost to a reader. Control characters stay; **whoever
/// shows the text escapes it**.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text() {
        assert_eq!(text(b"caf\xc3\xa9"), "caf\u{e9}");
        assert_eq!(text(b"a\xff\xfeb\xc3"), "a\\xff\\xfeb\\xc3");
    }
}
