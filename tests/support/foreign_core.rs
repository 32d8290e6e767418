//! Writes cores and programs of any class, byte order and machine: what no tool
//! on an x86-64 machine makes. It shares no layout with what reads them.
//!
//! Layouts: System V ABI chapters 4 and 5; `struct elf_prstatus` and
//! `elf_prpsinfo` of Linux `include/linux/elfcore.h`.

/// A kind of ELF file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) machine: u16,
    pub(crate) is_64: bool,
    pub(crate) is_big: bool,
    pub(crate) flags: u32,
    /// Bytes of one word of `pr_reg`.
    pub(crate) register_size: usize,
    /// Where `pr_reg` and `pr_pid` lie in `NT_PRSTATUS`.
    pub(crate) registers_at: usize,
    pub(crate) tid_at: usize,
}

/// One thread: its id and the words of `pr_reg`.
pub(crate) type Registers = (u32, Vec<u64>);

/// One mapped segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) size: u64,
    /// The bytes that are in the core.
    pub(crate) bytes: Vec<u8>,
    /// 4 read, 2 write, 1 execute.
    pub(crate) flags: u32,
    /// The file that it maps, and from which offset on.
    pub(crate) file: Option<(String, u64)>,
}

/// A core in the making.
#[derive(Clone, Debug)]
pub(crate) struct ForeignCore {
    pub(crate) kind: Kind,
    pub(crate) signal: u16,
    /// `si_code` and `si_addr`; without, there is no `NT_SIGINFO`.
    pub(crate) fault: Option<(i32, u64)>,
    pub(crate) threads: Vec<Registers>,
    pub(crate) auxv: Vec<(u64, u64)>,
    pub(crate) segments: Vec<Segment>,
    /// Notes besides: owner, type, description; after the first thread's.
    pub(crate) notes: Vec<(&'static str, u32, Vec<u8>)>,
}

impl Kind {
    /// One that lays out its notes as most do.
    pub(crate) fn usual(machine: u16, is_64: bool, is_big: bool) -> Self {
        let (registers_at, tid_at) = if is_64 { (112, 32) } else { (72, 24) };
        let register_size = if is_64 { 8 } else { 4 };
        Self { machine, is_64, is_big, flags: 0, register_size, registers_at, tid_at }
    }

    /// A number of `size` bytes.
    pub(crate) fn number(self, value: u64, size: usize) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..size].to_vec();
        if self.is_big {
            bytes.reverse();
        }
        bytes
    }

    /// Bytes of an address.
    pub(crate) fn word_size(self) -> usize {
        if self.is_64 { 8 } else { 4 }
    }

    fn word(self, value: u64) -> Vec<u8> {
        self.number(value, self.word_size())
    }

    /// Sizes of the ELF header, of a program header and of a section header.
    fn header_sizes(self) -> (usize, usize, usize) {
        if self.is_64 { (64, 56, 64) } else { (52, 32, 40) }
    }

    fn elf_header(self, e_type: u64, phnum: usize, shoff: usize, shnum: usize) -> Vec<u8> {
        let (ehdr, phdr, shdr) = self.header_sizes();
        let mut out = b"\x7fELF".to_vec();
        out.extend([if self.is_64 { 2 } else { 1 }, if self.is_big { 2 } else { 1 }, 1, 0]);
        out.resize(16, 0);
        let half = |value: usize| self.number(value as u64, 2);
        out.extend(self.number(e_type, 2));
        out.extend(self.number(u64::from(self.machine), 2));
        out.extend(self.number(1, 4));
        out.extend(self.word(0));
        out.extend(self.word(if phnum > 0 { ehdr as u64 } else { 0 }));
        out.extend(self.word(shoff as u64));
        out.extend(self.number(u64::from(self.flags), 4));
        for value in [ehdr, phdr, phnum, shdr, shnum, shnum.saturating_sub(1)] {
            out.extend(half(value));
        }
        out
    }

    fn program_header(
        self,
        kind: u64,
        flags: u64,
        at: u64,
        start: u64,
        len: u64,
        size: u64,
    ) -> Vec<u8> {
        let mut out = self.number(kind, 4);
        if self.is_64 {
            out.extend(self.number(flags, 4));
        }
        for value in [at, start, 0, len, size] {
            out.extend(self.word(value));
        }
        if !self.is_64 {
            out.extend(self.number(flags, 4));
        }
        out.extend(self.word(1));
        out
    }

    fn note(self, owner: &str, kind: u32, description: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [owner.len() as u64 + 1, description.len() as u64, u64::from(kind)] {
            out.extend(self.number(value, 4));
        }
        for part in [[owner.as_bytes(), b"\0"].concat(), description.to_vec()] {
            out.extend(part);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    /// A program at `start` whose only segment holds its headers and `code`,
    /// which is all of a function of this name; the symbols are behind it.
    /// Returns the file and the function's address.
    pub(crate) fn program(self, start: u64, name: &str, code: &[u8]) -> (Vec<u8>, u64) {
        let (ehdr, phdr, _) = self.header_sizes();
        let code_at = (ehdr + phdr).next_multiple_of(16);
        let address = start + code_at as u64;
        let mut strings = vec![0];
        strings.extend(name.as_bytes());
        strings.push(0);
        let names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0";
        let mut symbols = vec![0; if self.is_64 { 24 } else { 16 }];
        // A global function in section 1.
        let place = [self.word(address), self.word(code.len() as u64)].concat();
        symbols.extend(self.number(1, 4));
        if !self.is_64 {
            symbols.extend(&place);
        }
        symbols.extend([0x12, 0]);
        symbols.extend(self.number(1, 2));
        if self.is_64 {
            symbols.extend(&place);
        }
        let text_end = code_at + code.len();
        let symbols_at = text_end.next_multiple_of(8);
        let strings_at = symbols_at + symbols.len();
        let names_at = strings_at + strings.len();
        let table_at = (names_at + names.len()).next_multiple_of(8);

        let mut out = self.elf_header(2, 1, table_at, 5);
        out.extend(self.program_header(1, 5, 0, start, text_end as u64, text_end as u64));
        for (at, bytes) in [
            (code_at, code),
            (symbols_at, symbols.as_slice()),
            (strings_at, strings.as_slice()),
            (names_at, names.as_slice()),
        ] {
            out.resize(at, 0);
            out.extend(bytes);
        }
        out.resize(table_at, 0);
        let entry = (symbols.len() / 2) as u64;
        // Name, type, flags, address, offset, size, link, info, alignment, entry.
        let sections: [[u64; 10]; 5] = [
            [0; 10],
            [1, 1, 6, address, code_at as u64, code.len() as u64, 0, 0, 1, 0],
            [7, 2, 0, 0, symbols_at as u64, symbols.len() as u64, 3, 1, 1, entry],
            [15, 3, 0, 0, strings_at as u64, strings.len() as u64, 0, 0, 1, 0],
            [23, 3, 0, 0, names_at as u64, names.len() as u64, 0, 0, 1, 0],
        ];
        for section in sections {
            for (index, value) in section.into_iter().enumerate() {
                let is_word = !matches!(index, 0 | 1 | 6 | 7);
                out.extend(self.number(value, if is_word { self.word_size() } else { 4 }));
            }
        }
        (out, address)
    }
}

impl ForeignCore {
    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let kind = self.kind;
        let (ehdr, phdr, _) = kind.header_sizes();
        let notes = self.note_segment();
        let headers = 1 + self.segments.len();
        let notes_at = ehdr + phdr * headers;
        let mut out = kind.elf_header(4, headers, 0, 0);
        out.extend(kind.program_header(4, 0, notes_at as u64, 0, notes.len() as u64, 0));
        let mut at = (notes_at + notes.len()) as u64;
        for segment in &self.segments {
            let len = segment.bytes.len() as u64;
            let flags = u64::from(segment.flags);
            out.extend(kind.program_header(1, flags, at, segment.start, len, segment.size));
            at += len;
        }
        out.extend(notes);
        for segment in &self.segments {
            out.extend(&segment.bytes);
        }
        out
    }

    fn note_segment(&self) -> Vec<u8> {
        let kind = self.kind;
        let mut out = Vec::new();
        for (index, (tid, registers)) in self.threads.iter().enumerate() {
            out.extend(kind.note("CORE", 1, &self.prstatus(*tid, registers)));
            if index == 0 {
                for (owner, number, description) in &self.notes {
                    out.extend(kind.note(owner, *number, description));
                }
                out.extend(kind.note("CORE", 3, &self.prpsinfo(*tid)));
                if let Some((code, address)) = self.fault {
                    let mut info = Vec::new();
                    for value in [u64::from(self.signal), 0, code as u64] {
                        info.extend(kind.number(value, 4));
                    }
                    if kind.is_64 {
                        info.extend([0; 4]);
                    }
                    info.extend(kind.word(address));
                    info.resize(128, 0);
                    out.extend(kind.note("CORE", 0x5349_4749, &info));
                }
                out.extend(kind.note("CORE", 6, &self.auxiliary_vector()));
                if let Some(files) = self.files() {
                    out.extend(kind.note("CORE", 0x4649_4c45, &files));
                }
            }
        }
        out
    }

    fn prstatus(&self, tid: u32, registers: &[u64]) -> Vec<u8> {
        let kind = self.kind;
        let mut out = vec![0; kind.registers_at];
        out[12..14].copy_from_slice(&kind.number(u64::from(self.signal), 2));
        out[kind.tid_at..kind.tid_at + 4].copy_from_slice(&kind.number(u64::from(tid), 4));
        for register in registers {
            out.extend(kind.number(*register, kind.register_size));
        }
        // `pr_fpvalid`, and padding.
        out.extend(vec![0; if kind.is_64 || kind.register_size == 8 { 8 } else { 4 }]);
        out
    }

    fn prpsinfo(&self, pid: u32) -> Vec<u8> {
        let kind = self.kind;
        let mut out = vec![0; if kind.is_64 { 16 } else { 8 }];
        let id = if kind.is_64 { 4 } else { 2 };
        for value in [1000, 1000] {
            out.extend(kind.number(value, id));
        }
        for value in [u64::from(pid), 1, 1, 1] {
            out.extend(kind.number(value, 4));
        }
        for (text, size) in [("foreign", 16), ("foreign -x", 80)] {
            let start = out.len();
            out.extend(text.as_bytes());
            out.resize(start + size, 0);
        }
        out
    }

    fn auxiliary_vector(&self) -> Vec<u8> {
        let pairs = self.auxv.iter().chain([&(0, 0)]);
        pairs
            .flat_map(|(key, value)| [self.kind.word(*key), self.kind.word(*value)].concat())
            .collect()
    }

    /// `NT_FILE`, if any segment maps a file.
    fn files(&self) -> Option<Vec<u8>> {
        let mapped: Vec<_> =
            self.segments.iter().filter_map(|it| Some((it, it.file.as_ref()?))).collect();
        if mapped.is_empty() {
            return None;
        }
        let mut out = self.kind.word(mapped.len() as u64);
        out.extend(self.kind.word(0x1000));
        for (segment, (_, offset)) in &mapped {
            for value in [segment.start, segment.start + segment.size, offset / 0x1000] {
                out.extend(self.kind.word(value));
            }
        }
        for (_, (path, _)) in &mapped {
            out.extend(path.as_bytes());
            out.push(0);
        }
        Some(out)
    }
}
