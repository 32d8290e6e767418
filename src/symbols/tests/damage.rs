//! Damaged and hostile files.

use super::*;

/// A small generator of numbers (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

const SOURCE: &str = r#"
#include <stdio.h>
struct point { int x, y; };
static inline __attribute__((always_inline)) int twice(struct point *p) { return p->x * 2; }
__attribute__((noinline)) int work(int n) {
    struct point p = {n, n};
    return twice(&p) + printf("%d\n", n);
}
int main(int argc, char **argv) { return work(argc); }
"#;

/// Asks everything that there is to ask of a file.
fn ask_everything(path: &Path, build_id: Option<Vec<u8>>) {
    let process = process(path, build_id);
    ask(&process, &SymbolOptions::default(), |question| {
        let symbols = &question.symbols;
        let module = &symbols.modules()[0];
        for step in 0..64 {
            let at = RunAddr(BASE + 0x1000 + step * 9);
            assert!(!symbols.calls(FrameAddr::Return(at)).is_empty());
            let _name = symbols.symbol_at(at);
        }
        let _symbol = module.symbol_named(b"main");
        let _tables = (module.unwind_tables(), module.debug_frame());
        let mut out = [0; 64];
        let _read = symbols.mapped_files(&process).read(RunAddr(BASE), &mut out);
    });
}

#[test]
fn cut_and_changed_files_do_no_harm() {
    for (seed, flags) in [(1, &["-O1", "-g"][..]), (2, &["-O1", "-g", "-gz"])] {
        let program = Program::compile("gcc", flags, SOURCE);
        let whole = fs::read(&program.path).unwrap();
        let id = program.build_id();
        let mut random = Random(seed);
        for round in 0..300 {
            let mut bytes = whole.clone();
            if round % 3 == 0 {
                bytes.truncate(random.below(whole.len()));
            } else {
                for _ in 0..1 + random.below(24) {
                    let at = random.below(bytes.len());
                    bytes[at] = random.below(256) as u8;
                }
            }
            let path = program.file("damaged");
            fs::write(&path, bytes).unwrap();
            // With and without the comparison that would refuse most of them.
            ask_everything(&path, None);
            ask_everything(&path, id.clone());
        }
    }
}

#[test]
fn changed_debug_sections_do_no_harm() {
    // Most bytes of a file are not debug information; here all changes are.
    for (seed, flags) in [(3, &["-O1", "-g"][..]), (4, &["-O1", "-g", "-gdwarf-4"])] {
        let program = Program::compile("gcc", flags, SOURCE);
        let whole = fs::read(&program.path).unwrap();
        let ranges: Vec<_> = {
            let image = Image::parse(&whole, Arch::X86_64).unwrap();
            let sections = image.sections().iter();
            let debug = sections.filter(|section| section.name.starts_with(b".debug_"));
            debug
                .map(|section| {
                    let start = section.bytes.as_ptr().addr() - whole.as_ptr().addr();
                    start..start + section.bytes.len()
                })
                .collect()
        };
        let mut random = Random(seed);
        for _ in 0..600 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random.below(8) {
                let range = &ranges[random.below(ranges.len())];
                let at = range.start + random.below(range.len());
                bytes[at] = random.below(256) as u8;
            }
            let path = program.file("damaged");
            fs::write(&path, bytes).unwrap();
            ask_everything(&path, None);
        }
    }
}

#[test]
fn compressed_sections_that_lie_about_their_size() {
    use crate::symbols::packed::Packed;
    let limits = Limits::default();
    let store = FileStore::new();
    let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
    std::io::Write::write_all(&mut stream, &[7; 1000]).unwrap();
    let stream = stream.finish().unwrap();
    let small = Limits { section: 999, ..limits };
    let cases: &[(&str, Packed<'_>, &Limits, Option<usize>)] = &[
        ("the truth", Packed::zlib(&stream, 1000), &limits, Some(1000)),
        ("more than there is", Packed::zlib(&stream, 1001), &limits, None),
        ("less than there is", Packed::zlib(&stream, 999), &limits, Some(999)),
        ("far too much", Packed::zlib(&stream, u64::MAX), &limits, None),
        ("a bomb", Packed::zlib(&stream, 2 << 30), &limits, None),
        ("more than the limit", Packed::zlib(&stream, 1000), &small, None),
        ("cut", Packed::zlib(&stream[..stream.len() / 2], 1000), &limits, None),
        ("no stream", Packed::zlib(b"nonsense", 8), &limits, None),
        ("no zstd frame", Packed::zstd(b"nonsense", 8), &limits, None),
        ("empty", Packed::zlib(&[], 0), &limits, Some(0)),
        ("plain", Packed::plain(b"bytes"), &limits, Some(5)),
    ];
    for (name, packed, limits, want) in cases {
        assert_eq!(packed.whole(&store, limits).map(<[u8]>::len), *want, "{name}");
    }
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    run("mkfifo", &["fifo"], dir.path());
    for path in [fifo.as_path(), dir.path(), Path::new("/dev/zero")] {
        let mut process = process(Path::new("/nothing"), Some(vec![1, 2, 3]));
        process.modules[0].path = path.as_os_str().as_encoded_bytes().to_vec();
        ask(&process, &SymbolOptions::default(), |question| {
            assert_eq!(question.calls(RunAddr(BASE + 16)), ["? ?"]);
            let gaps = question.gaps();
            assert!(gaps[0].why.contains("not a regular file"), "{gaps:?}");
        });
    }
}
