//! Writes minidumps of x86-64 Linux processes from a description. It shares no
//! layout with what reads them.
//!
//! Layouts: `minidumpapiset.h` of Microsoft, `minidump_format.h` of Breakpad.

/// A minidump in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minidump {
    pub(crate) threads: Vec<MinidumpThread>,
    pub(crate) modules: Vec<MinidumpModule>,
    /// Thread, signal, `si_code`, address.
    pub(crate) exception: Option<(u32, u32, u32, u64)>,
    /// Texts of `/proc/PID/maps`, `status` and `cmdline`.
    pub(crate) maps: String,
    pub(crate) status: String,
    pub(crate) command_line: Vec<u8>,
    pub(crate) auxv: Vec<(u64, u64)>,
    /// Memory beside the stacks: in one list, and in the list of large dumps.
    pub(crate) memory: Vec<(u64, Vec<u8>)>,
    pub(crate) large_memory: Vec<(u64, Vec<u8>)>,
    /// Align lists to eight bytes, as some writers do.
    pub(crate) pads_lists: bool,
}

/// One thread.
#[derive(Clone, Debug)]
pub(crate) struct MinidumpThread {
    pub(crate) tid: u32,
    pub(crate) name: String,
    /// Registers in the order of `pr_reg`.
    pub(crate) registers: Vec<u64>,
    pub(crate) stack: (u64, Vec<u8>),
}

/// One module.
#[derive(Clone, Debug)]
pub(crate) struct MinidumpModule {
    pub(crate) base: u64,
    pub(crate) size: u32,
    pub(crate) path: String,
    pub(crate) build_id: Option<Vec<u8>>,
}

/// Bytes with places in them that are known only later.
#[derive(Default)]
struct File(Vec<u8>);

impl File {
    fn put(&mut self, bytes: impl IntoIterator<Item = u8>) -> (u32, u32) {
        let at = self.0.len();
        self.0.extend(bytes);
        (u32::try_from(self.0.len() - at).expect("small"), u32::try_from(at).expect("small"))
    }

    fn text(&mut self, text: &str) -> u32 {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u32::try_from(units.len()).expect("short").to_le_bytes();
        self.put(length.into_iter().chain(units).chain([0, 0])).1
    }
}

impl Minidump {
    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = File::default();
        file.put([0; 32]);
        let count = 10;
        let directory = file.put(vec![0; count * 12]).1 as usize;
        let mut streams: Vec<(u32, (u32, u32))> = Vec::new();

        let mut system = vec![0; 56];
        system[0] = 9;
        system[20..24].copy_from_slice(&0x8201_u32.to_le_bytes());
        streams.push((7, file.put(system)));

        let contexts: Vec<(u32, u32)> =
            self.threads.iter().map(|thread| file.put(context(&thread.registers))).collect();
        let mut list = self.list_head(self.threads.len());
        let mut names = u32::try_from(self.threads.len()).unwrap().to_le_bytes().to_vec();
        for (thread, context) in self.threads.iter().zip(&contexts) {
            let stack = file.put(thread.stack.1.iter().copied());
            list.extend(thread.tid.to_le_bytes());
            list.extend([0; 20]);
            list.extend(thread.stack.0.to_le_bytes());
            pair(&mut list, stack);
            pair(&mut list, *context);
            names.extend(thread.tid.to_le_bytes());
            names.extend(u64::from(file.text(&thread.name)).to_le_bytes());
        }
        streams.push((3, file.put(list)));
        streams.push((24, file.put(names)));

        let mut list = self.list_head(self.modules.len());
        for module in &self.modules {
            list.extend(module.base.to_le_bytes());
            list.extend(module.size.to_le_bytes());
            list.extend([0; 8]);
            list.extend(file.text(&module.path).to_le_bytes());
            list.extend([0; 52]);
            let record = match &module.build_id {
                Some(id) => file.put(b"LEpB".iter().chain(id).copied()),
                None => (0, 0),
            };
            pair(&mut list, record);
            list.extend([0; 24]);
        }
        streams.push((4, file.put(list)));

        if let Some((tid, code, flags, address)) = self.exception {
            let mut record = tid.to_le_bytes().to_vec();
            record.extend([0; 4]);
            record.extend(code.to_le_bytes());
            record.extend(flags.to_le_bytes());
            record.extend([0; 8]);
            record.extend(address.to_le_bytes());
            record.extend([0; 128]);
            let index = self.threads.iter().position(|thread| thread.tid == tid);
            pair(&mut record, index.map_or((0, 0), |index| contexts[index]));
            streams.push((6, file.put(record)));
        }
        let mut list = self.list_head(self.memory.len());
        for (address, bytes) in &self.memory {
            list.extend(address.to_le_bytes());
            let place = file.put(bytes.iter().copied());
            pair(&mut list, place);
        }
        streams.push((5, file.put(list)));
        streams.push((0x4767_0009, file.put(self.maps.bytes())));
        streams.push((0x4767_0004, file.put(self.status.bytes())));
        streams.push((0x4767_0006, file.put(self.command_line.iter().copied())));
        let words = self.auxv.iter().flat_map(|(kind, value)| [*kind, *value]);
        streams.push((0x4767_0008, file.put(words.flat_map(u64::to_le_bytes))));
        if !self.large_memory.is_empty() {
            let bytes = self.large_memory.iter().flat_map(|(_, bytes)| bytes.iter().copied());
            let (_, base) = file.put(bytes.collect::<Vec<u8>>());
            let mut list = (self.large_memory.len() as u64).to_le_bytes().to_vec();
            list.extend(u64::from(base).to_le_bytes());
            for (address, bytes) in &self.large_memory {
                list.extend(address.to_le_bytes());
                list.extend((bytes.len() as u64).to_le_bytes());
            }
            let place = file.put(list);
            // In the place of the list of names, which few dumps have.
            streams[2] = (9, place);
        }
        streams.truncate(count);
        let mut out = file.0;
        out[..8].copy_from_slice(b"MDMP\x93\xa7\0\0");
        out[8..12].copy_from_slice(&u32::try_from(streams.len()).unwrap().to_le_bytes());
        out[12..16].copy_from_slice(&u32::try_from(directory).unwrap().to_le_bytes());
        for (index, (kind, (size, at))) in streams.into_iter().enumerate() {
            let entry = [kind, size, at].map(u32::to_le_bytes).concat();
            out[directory + index * 12..][..12].copy_from_slice(&entry);
        }
        out
    }

    fn list_head(&self, count: usize) -> Vec<u8> {
        let mut head = u32::try_from(count).expect("few").to_le_bytes().to_vec();
        if self.pads_lists {
            head.extend([0; 4]);
        }
        head
    }
}

fn pair(out: &mut Vec<u8>, (size, at): (u32, u32)) {
    out.extend(size.to_le_bytes());
    out.extend(at.to_le_bytes());
}

/// A `CONTEXT` of x86-64 from `pr_reg`.
fn context(general: &[u64]) -> Vec<u8> {
    let mut out = vec![0; 1232];
    // CONTEXT_AMD64 with control, integers and segments.
    out[48..52].copy_from_slice(&0x0010_0007_u32.to_le_bytes());
    // Numbers in `pr_reg` of: rax rcx rdx rbx rsp rbp rsi rdi r8..r15 rip.
    let order = [10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0, 16];
    for (index, number) in order.into_iter().enumerate() {
        out[120 + index * 8..][..8].copy_from_slice(&general[number].to_le_bytes());
    }
    // cs ds es fs gs ss.
    for (index, number) in [17, 23, 24, 25, 26, 20].into_iter().enumerate() {
        out[56 + index * 2..][..2].copy_from_slice(&(general[number] as u16).to_le_bytes());
    }
    out[68..72].copy_from_slice(&(general[18] as u32).to_le_bytes());
    out
}
