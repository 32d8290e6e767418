//! Where the symbols of a process are: `coretool symbols` and `coretool addr`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Gap, Hex, SymbolTable};

/// What `coretool symbols` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool symbols")]
pub struct SymbolFiles {
    /// Always `coretool.symbols/1`.
    pub schema: String,
    /// The programs and libraries, by their addresses.
    pub modules: Vec<ModuleFiles>,
    /// What is missing of the dump itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// The files of one program or library.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModuleFiles {
    /// The file as the process saw its path.
    pub path: String,
    /// Where it was loaded. Absent: it was not, it is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Hex>,
    /// Its build-id in hexadecimal digits. Absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The file that is used in its place. Absent: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<UsedFile>,
    /// The separate debug file that is used. Absent: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_file: Option<UsedFile>,
    /// The file of shared pieces of debug information that `dwz` made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_file: Option<String>,
    /// The package of split debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// How many of its units have their debug information in split files.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub split_units: u64,
    /// The best that these files tell.
    pub symbols: SymbolTable,
    /// A file that is there, but not used, since it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// What is missing, and how to get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Gap>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file that is used, and why this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedFile {
    /// Where it is.
    pub path: String,
    /// How it was found: `by its build-id`.
    pub found: String,
}

/// What `coretool addr` prints of each address as JSON, on a line of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool addr")]
pub struct AddressLines {
    /// Always `coretool.addr/1`.
    pub schema: String,
    /// The address as it was asked for.
    pub asked: String,
    /// The address in the module's file. Absent: what was asked for is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// The function there, and before it those that were inlined into it,
    /// innermost first. Empty: nothing is known of the address.
    pub calls: Vec<SourceCall>,
}

/// A function at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCall {
    /// Its name, for people. Absent: no table names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its name as the linker knows it, when that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linkage_name: Option<String>,
    /// Whether it was inlined into the next one.
    pub inlined: bool,
    /// How far into the function the address is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}
