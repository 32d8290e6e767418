//! Memory from files, and files from memory.

use super::*;

const SOURCE: &str = r#"
__attribute__((visibility("default"))) const char greeting[] = "good morning";
int counter = 7;
int work(int x) { return x + counter; }
"#;

/// Flags that make a library.
const LIBRARY: &[&str] = &["-O1", "-g", "-shared", "-fPIC"];

#[test]
fn what_could_not_be_written_is_read_from_the_file() {
    let program = Program::compile("gcc", LIBRARY, SOURCE);
    let mut process = process(&program.path, program.build_id());
    let read = |process: &Process<'_>, label: &str| {
        ask(process, &SymbolOptions::default(), |question| {
            let mut out = [0; 8];
            let files = question.symbols.mapped_files(process);
            let got = files.read(program.at(label), &mut out);
            out[..got].to_vec()
        })
    };
    assert_eq!(read(&process, "greeting"), b"good mor");
    assert_eq!(read(&process, "counter"), b"", "a variable may have changed");

    // The first bytes of the mapping were dumped: then they had been changed.
    let greeting = program.at("greeting");
    let constants = process.mappings.iter_mut().find(|it| it.range.contains(greeting)).unwrap();
    constants.dumped = greeting.0 - constants.range.start.0 + 4;
    assert_eq!(read(&process, "greeting"), b"");
    process.mappings.iter_mut().for_each(|mapping| mapping.dumped = 0);

    // Another part of the file, or another file, was mapped there.
    process.mappings.iter_mut().for_each(|mapping| mapping.offset.0 += 0x1000);
    assert_eq!(read(&process, "greeting"), b"");
    process.mappings.iter_mut().for_each(|mapping| mapping.offset.0 -= 0x1000);
    process.mappings.iter_mut().for_each(|mapping| mapping.path = Some(b"/other".to_vec()));
    assert_eq!(read(&process, "greeting"), b"");
}

#[test]
fn reads_stop_where_the_file_does() {
    let program = Program::compile("gcc", LIBRARY, SOURCE);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        let files = question.symbols.mapped_files(&process);
        let mut all = vec![0; 1 << 20];
        let got = files.read(RunAddr(BASE), &mut all);
        assert!(got > 0 && got < all.len());
        assert_eq!(&all[..4], b"\x7fELF");
        assert_eq!(files.read(RunAddr(BASE + got as u64), &mut all), 0);
        assert_eq!(files.read(RunAddr(BASE - 1), &mut all), 0);
        assert_eq!(files.read(RunAddr(u64::MAX), &mut all), 0);
    });
}

#[test]
fn the_vdso_is_read_from_memory() {
    // Any library will do: it is complete in memory, as the vdso is.
    let program = Program::compile("gcc", &["-O1", "-shared", "-fPIC", "-nostdlib"], SOURCE);
    let bytes: &'static [u8] = fs::read(&program.path).unwrap().leak();
    let mut process = process(Path::new("/nothing"), None);
    process.modules[0].path = b"[vdso]".to_vec();
    process.modules[0].range.end = RunAddr(BASE + bytes.len() as u64);
    process.memory = Box::new(Bytes(BASE, bytes));
    ask(&process, &SymbolOptions::default(), |question| {
        let found = question.function(program.at("work"));
        assert_eq!(found, Some(("work".to_owned(), NameSource::Symtab)));
        let module = &question.symbols.modules()[0];
        assert!(module.unwind_tables().eh_frame.is_some());
        assert_eq!(module.file(), None);
        assert_eq!(question.gaps(), [], "the kernel ships no lines for it");
    });
}

#[test]
fn unwind_tables_in_memory_outlive_the_file() {
    let program = Program::compile("gcc", LIBRARY, SOURCE);
    let file = fs::read(&program.path).unwrap();
    let image = Image::parse(&file, Arch::X86_64).unwrap();
    // The memory of the process: every segment where the loader puts it.
    let end = image.loads().iter().map(|load| load.start.0 + load.memory_size).max().unwrap();
    let mut bytes = vec![0; end as usize];
    for load in image.loads() {
        let start = load.start.0 as usize;
        bytes[start..start + load.bytes.len()].copy_from_slice(load.bytes);
    }
    let (frames, header) =
        (image.section(".eh_frame").unwrap(), image.section(".eh_frame_hdr").unwrap());
    let frames_end = (frames.address.0 + frames.size) as usize;
    // All of it; and with only the first page dumped, as kernels do.
    for (dumped, is_found) in [(bytes.len(), true), (frames_end, true), (0x1000, false)] {
        let memory: &'static [u8] = bytes[..dumped].to_vec().leak();
        let mut process = process(&program.path, Some(vec![1, 2, 3]));
        process.memory = Box::new(Bytes(BASE, memory));
        ask(&process, &SymbolOptions::default(), |question| {
            let tables = question.symbols.modules()[0].unwind_tables();
            let found = tables
                .eh_frame
                .is_some_and(|(at, bytes)| at == frames.address && bytes.starts_with(frames.bytes));
            assert_eq!(found, is_found, "{dumped:#x} bytes of memory");
            assert_eq!(tables.eh_frame_hdr.map(|(at, _)| at), is_found.then_some(header.address));
        });
    }
}

#[test]
fn unwind_tables_of_a_file_without_section_headers() {
    let program = Program::compile("gcc", LIBRARY, SOURCE);
    let whole = fs::read(&program.path).unwrap();
    let image = Image::parse(&whole, Arch::X86_64).unwrap();
    let (frames, header) =
        (image.section(".eh_frame").unwrap(), image.section(".eh_frame_hdr").unwrap());
    let mut bytes = whole.clone();
    // e_shoff, e_shnum and e_shstrndx.
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    fs::write(&program.path, &bytes).unwrap();
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        let tables = question.symbols.modules()[0].unwind_tables();
        let (at, bytes) = tables.eh_frame.unwrap();
        assert_eq!(at, frames.address);
        assert!(bytes.starts_with(frames.bytes));
        let (at, bytes) = tables.eh_frame_hdr.unwrap();
        assert_eq!(at, header.address);
        assert!(bytes.starts_with(header.bytes));
    });
}
