//! Architectures: how registers are named, numbered and kept.
//!
//! One table per architecture under `arch/`, with the same items in the same
//! order; everything else asks [`Arch`].

mod x86_64;

/// A register by the number that DWARF gives it.
pub use gimli::Register;

/// A processor architecture whose processes can be analyzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// AMD64, as in the System V psABI.
    X86_64,
}

/// What the rest of the program needs to know of one architecture.
struct Table {
    name: &'static str,
    e_machine: u16,
    general: &'static [&'static str],
    dwarf_to_general: &'static [usize],
    callee_saved: &'static [u16],
    stack_pointer: u16,
    frame_pointer: u16,
    return_address: u16,
    thread_pointer: usize,
    syscall_number: usize,
}

impl Arch {
    /// The architecture that an ELF header's `e_machine` names.
    pub fn from_elf_machine(e_machine: u16) -> Option<Self> {
        (e_machine == x86_64::TABLE.e_machine).then_some(Self::X86_64)
    }

    fn table(self) -> &'static Table {
        match self {
            Self::X86_64 => &x86_64::TABLE,
        }
    }

    /// The usual name: `x86_64`.
    pub fn name(self) -> &'static str {
        self.table().name
    }

    /// Names of the general registers, in the order of `pr_reg` in the
    /// `NT_PRSTATUS` note. Each is one word of 8 bytes.
    pub fn general_registers(self) -> &'static [&'static str] {
        self.table().general
    }

    /// Which word of `pr_reg` holds the register that DWARF numbers so.
    pub fn general_index(self, register: Register) -> Option<usize> {
        self.table().dwarf_to_general.get(usize::from(register.0)).copied()
    }

    /// How many registers the unwinder follows: DWARF numbers 0 up to this.
    pub fn unwound_registers(self) -> u16 {
        self.table().dwarf_to_general.len() as u16
    }

    /// The name of the register that DWARF numbers so: `rdi`.
    pub fn register_name(self, register: Register) -> Option<&'static str> {
        self.general_index(register).and_then(|word| self.table().general.get(word)).copied()
    }

    /// Whether a called function must give this register back unchanged. The
    /// others are unknown in outer frames unless a table says where they are.
    pub fn is_callee_saved(self, register: Register) -> bool {
        self.table().callee_saved.contains(&register.0)
    }

    /// DWARF's number of the stack pointer.
    pub fn stack_pointer(self) -> Register {
        Register(self.table().stack_pointer)
    }

    /// DWARF's number of the frame pointer, where code keeps one.
    pub fn frame_pointer(self) -> Register {
        Register(self.table().frame_pointer)
    }

    /// DWARF's number of the return address, which in a frame's registers is
    /// its pc.
    pub fn return_address(self) -> Register {
        Register(self.table().return_address)
    }

    /// Which word of `pr_reg` is the thread pointer.
    pub fn thread_pointer_index(self) -> usize {
        self.table().thread_pointer
    }

    /// Which word of `pr_reg` keeps the number of the system call that the
    /// thread is in; all ones when it is in none.
    pub fn syscall_index(self) -> usize {
        self.table().syscall_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dwarf_numbers_name_the_right_words() {
        let arch = Arch::X86_64;
        // System V psABI for AMD64, figure 3.36 "DWARF Register Number Mapping".
        let names = [
            "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15", "rip",
        ];
        for (number, name) in names.iter().enumerate() {
            assert_eq!(arch.register_name(Register(number as u16)), Some(*name));
        }
        assert_eq!(arch.register_name(Register(17)), None);
        assert_eq!(arch.general_registers()[arch.thread_pointer_index()], "fs_base");
        assert_eq!(arch.general_registers()[arch.syscall_index()], "orig_rax");
    }
}
