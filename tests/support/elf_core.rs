//! Writes ELF core files from a description: whole, odd or damaged ones. It
//! shares no layout with what reads them.
//!
//! Layouts: System V ABI chapters 4 and 5; `struct elf_prstatus` and
//! `elf_prpsinfo` of Linux `include/linux/elfcore.h` on x86-64.

/// A core file in the making.
#[derive(Clone, Debug)]
pub(crate) struct ElfCore {
    pub(crate) e_type: u16,
    pub(crate) machine: u16,
    /// 2 for 64 bits.
    pub(crate) class: u8,
    /// 1 for little-endian.
    pub(crate) data: u8,
    pub(crate) notes: Vec<Note>,
    pub(crate) loads: Vec<Load>,
    /// Write the notes behind the memory, as gdb does.
    pub(crate) notes_last: bool,
    /// State the number of headers in section 0, as for more than 65,534.
    pub(crate) counts_in_section: bool,
    /// Say this instead of the true number of headers.
    pub(crate) claimed_headers: Option<u16>,
}

/// One note.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) owner: &'static str,
    pub(crate) kind: u32,
    pub(crate) description: Vec<u8>,
    /// Say this instead of the true length.
    pub(crate) claimed_length: Option<u32>,
}

/// One segment of memory.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: u64,
    /// Bytes in memory; those beyond `bytes` are not in the core.
    pub(crate) size: u64,
    pub(crate) bytes: Vec<u8>,
    /// 4 read, 2 write, 1 execute.
    pub(crate) flags: u32,
}

const NT_PRSTATUS: u32 = 1;
const NT_PRPSINFO: u32 = 3;
const NT_AUXV: u32 = 6;
const NT_SIGINFO: u32 = 0x5349_4749;
const NT_FILE: u32 = 0x4649_4c45;

impl ElfCore {
    /// An x86-64 core without notes and memory.
    pub(crate) fn new() -> Self {
        Self {
            e_type: 4,
            machine: 62,
            class: 2,
            data: 1,
            notes: Vec::new(),
            loads: Vec::new(),
            notes_last: false,
            counts_in_section: false,
            claimed_headers: None,
        }
    }

    /// One thread that died of `signal` with these values of rip and rsp.
    pub(crate) fn of_one_thread(signal: i32, rip: u64, rsp: u64) -> Self {
        let mut core = Self::new();
        core.notes.push(Note::prstatus(77, signal, rip, rsp));
        core.notes.push(Note::prpsinfo(77, "made-up", "made-up --by hand"));
        core.notes.push(Note::siginfo(signal, 1, 0x18));
        core
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let headers = 1 + self.loads.len() as u64;
        let notes: Vec<u8> = self.notes.iter().flat_map(Note::bytes).collect();
        let table_end = 64 + 56 * headers;
        let memory: u64 = self.loads.iter().map(|load| load.bytes.len() as u64).sum();
        let (notes_at, memory_at) = if self.notes_last {
            (table_end + memory, table_end)
        } else {
            (table_end, table_end + notes.len() as u64)
        };
        let section_at = table_end + memory + notes.len() as u64;

        let mut out = self.file_header(headers, section_at);
        program_header(&mut out, 4, 0, notes_at, 0, notes.len() as u64, 0, 4);
        let mut at = memory_at;
        for load in &self.loads {
            let length = load.bytes.len() as u64;
            program_header(&mut out, 1, load.flags, at, load.address, length, load.size, 0x1000);
            at += length;
        }
        let memory = self.loads.iter().flat_map(|load| &load.bytes);
        if self.notes_last {
            out.extend(memory);
            out.extend(&notes);
        } else {
            out.extend(&notes);
            out.extend(memory);
        }
        if self.counts_in_section {
            // sh_info is the 12th of 16 words of 4 bytes.
            let mut section = [0; 64];
            let count = u32::try_from(headers).expect("a count of headers");
            section[44..48].copy_from_slice(&count.to_le_bytes());
            out.extend(section);
        }
        out
    }

    fn file_header(&self, headers: u64, section_at: u64) -> Vec<u8> {
        let mut out = vec![0x7f, b'E', b'L', b'F', self.class, self.data, 1, 0];
        out.extend([0; 8]);
        out.extend(self.e_type.to_le_bytes());
        out.extend(self.machine.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(0_u64.to_le_bytes());
        out.extend(64_u64.to_le_bytes());
        out.extend(if self.counts_in_section { section_at } else { 0 }.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        let count = if self.counts_in_section {
            0xffff
        } else {
            u16::try_from(headers).expect("few headers")
        };
        let count = self.claimed_headers.unwrap_or(count);
        let (section_size, sections) = if self.counts_in_section { (64, 1) } else { (0, 0) };
        for half in [64, 56, count, section_size, sections, 0_u16] {
            out.extend(half.to_le_bytes());
        }
        out
    }
}

impl Note {
    pub(crate) fn new(owner: &'static str, kind: u32, description: Vec<u8>) -> Self {
        Self { owner, kind, description, claimed_length: None }
    }

    /// A thread's state, with all registers zero but two.
    pub(crate) fn prstatus(tid: u32, signal: i32, rip: u64, rsp: u64) -> Self {
        let mut state = vec![0; 336];
        let signal = i16::try_from(signal).expect("a signal");
        state[12..14].copy_from_slice(&signal.to_le_bytes());
        state[32..36].copy_from_slice(&tid.to_le_bytes());
        // 27 registers from byte 112 on: rip is number 16, rsp number 19.
        state[112 + 16 * 8..][..8].copy_from_slice(&rip.to_le_bytes());
        state[112 + 19 * 8..][..8].copy_from_slice(&rsp.to_le_bytes());
        Self::new("CORE", NT_PRSTATUS, state)
    }

    pub(crate) fn prpsinfo(pid: u32, command: &str, arguments: &str) -> Self {
        let mut info = vec![0; 136];
        info[24..28].copy_from_slice(&pid.to_le_bytes());
        info[40..][..command.len().min(15)]
            .copy_from_slice(&command.as_bytes()[..command.len().min(15)]);
        info[56..][..arguments.len().min(79)]
            .copy_from_slice(&arguments.as_bytes()[..arguments.len().min(79)]);
        Self::new("CORE", NT_PRPSINFO, info)
    }

    pub(crate) fn siginfo(signal: i32, code: i32, address: u64) -> Self {
        let mut info = vec![0; 128];
        info[0..4].copy_from_slice(&signal.to_le_bytes());
        info[8..12].copy_from_slice(&code.to_le_bytes());
        info[16..24].copy_from_slice(&address.to_le_bytes());
        Self::new("CORE", NT_SIGINFO, info)
    }

    pub(crate) fn auxv(pairs: &[(u64, u64)]) -> Self {
        let words = pairs.iter().flat_map(|(kind, value)| [*kind, *value]).chain([0, 0]);
        Self::new("CORE", NT_AUXV, words.flat_map(u64::to_le_bytes).collect())
    }

    /// Mapped files: start, end, offset in pages of 4,096 bytes, path.
    pub(crate) fn mapped_files(files: &[(u64, u64, u64, &str)]) -> Self {
        Self::mapped_files_claiming(files, files.len() as u64)
    }

    /// The same, with another number of them at its start.
    pub(crate) fn mapped_files_claiming(files: &[(u64, u64, u64, &str)], count: u64) -> Self {
        let mut words = vec![count, 4096];
        words.extend(files.iter().flat_map(|(start, end, offset, _)| [*start, *end, *offset]));
        let mut description: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        for (.., path) in files {
            description.extend(path.as_bytes());
            description.push(0);
        }
        Self::new("CORE", NT_FILE, description)
    }

    fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.description.len()).expect("a short note");
        let name_length = u32::try_from(self.owner.len() + 1).expect("a short name");
        let mut out = Vec::new();
        out.extend(name_length.to_le_bytes());
        out.extend(self.claimed_length.unwrap_or(length).to_le_bytes());
        out.extend(self.kind.to_le_bytes());
        out.extend(self.owner.bytes().chain([0]));
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(&self.description);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }
}

#[expect(clippy::too_many_arguments, reason = "the eight fields of Elf64_Phdr, in their order")]
fn program_header(
    out: &mut Vec<u8>,
    p_type: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
) {
    out.extend(p_type.to_le_bytes());
    out.extend(flags.to_le_bytes());
    for word in [offset, address, 0, file_size, memory_size, align] {
        out.extend(word.to_le_bytes());
    }
}
