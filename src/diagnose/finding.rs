//! A cause, with its evidence.

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's stable name: `null-pointer`.
    pub id: &'static str,
    /// From 0 to 1. At least 0.95 is worded "is", 0.7 "very likely", 0.4
    /// "likely", less "possibly".
    pub confidence: f32,
    /// A few words: "null pointer".
    pub title: String,
    /// One sentence fragment for the verdict, without the signal: "read of 4
    /// bytes at 0x18, because `conn` is NULL (member `fd` of `struct conn`)".
    pub explanation: String,
    /// The program's own words in the explanation, as they stand there: of
    /// long ones a verdict has the start.
    pub quoted: Option<String>,
    /// The same in fewer and fewer words, for a verdict that would be too long.
    pub brief: Vec<String>,
    /// Whether the explanation tells only what was reported or seen, which is
    /// true whatever the cause is: then no doubt need be heard in it.
    pub is_observed: bool,
    /// The facts it rests on, one a line.
    pub evidence: Vec<String>,
    /// The call to blame: an index into the calls of [`Finding::thread`].
    pub call: Option<usize>,
    /// The index of the thread to blame: mostly the crashed one, which is 0.
    pub thread: usize,
    /// How bad such a fault can be for an attacker's purpose.
    pub severity: Severity,
    /// What to look at next, when there is something.
    pub next_step: Option<String>,
    /// Wider causes that fit as well, and that this one explains: their ids.
    pub also: Vec<&'static str>,
}

/// A hint at exploitability, never a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Not a defect of the program by itself.
    Info,
    /// Denial of service at most.
    Low,
    /// Worth a closer look.
    Medium,
    /// Memory is corrupted, or could be.
    High,
    /// Control of the program counter.
    Critical,
}

impl Finding {
    /// A finding that rests on nothing yet.
    pub fn new(id: &'static str, confidence: f32, title: impl Into<String>) -> Self {
        Self {
            id,
            confidence,
            title: title.into(),
            explanation: String::new(),
            quoted: None,
            brief: Vec::new(),
            is_observed: false,
            evidence: Vec::new(),
            call: None,
            thread: 0,
            severity: Severity::Low,
            next_step: None,
            also: Vec::new(),
        }
    }

    /// The same, where the dump does not hold the address of the fault, so that
    /// what fails at this instruction was computed: never more than "very
    /// likely".
    pub fn by_computed_address(mut self) -> Self {
        const MOST: f32 = 0.9;
        if self.confidence >= 0.95 {
            let article = match self.explanation.split(' ').next() {
                Some("read" | "write" | "return" | "jump" | "call") => "a ",
                Some("access") => "an ",
                _ => "",
            };
            self.explanation = format!("very likely {article}{}", self.explanation);
        }
        self.confidence = self.confidence.min(MOST);
        let computed = "the dump does not tell the address of the fault: it was computed from the \
                        instruction, the registers and the mappings";
        self.evidence.push(computed.to_owned());
        self
    }
}
