//! Numbers of bytes.

use crate::base::count::counted;

/// Bytes for people: `1.9 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return counted(bytes, "byte");
    }
    let mut tenths = bytes / 100;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 9995 && units.len() > 0 {
        tenths = tenths.saturating_add(500) / 1000;
        unit = units.next();
    }
    let unit = unit.unwrap_or(&"");
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths.saturating_add(5) / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (9_940, "9.9 kB"),
            (12_400, "12 kB"),
            (999_400, "999 kB"),
            (999_600, "1.0 MB"),
            (1_900_000, "1.9 MB"),
            (4_294_967_296, "4.3 GB"),
            (u64::MAX, "18 EB"),
        ];
        for (bytes, want) in cases {
            assert_eq!(size(bytes), want, "{bytes}");
        }
    }
}
