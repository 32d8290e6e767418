//! Raw memory of a process: `coretool memory`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Gap, Hex, RefusedExpression, Standpoint};

/// A range of memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool memory")]
pub struct MemoryDump {
    /// Always `coretool.memory/1`.
    pub schema: String,
    /// Where the expression for the address was evaluated.
    #[serde(default)]
    pub at: Standpoint,
    /// The first address. Absent: the expression for it means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// How many bytes were asked for, up to the top of the address space.
    #[serde(default)]
    pub length: u64,
    /// How many of them nobody knows.
    #[serde(default)]
    pub missing: u64,
    /// The bytes in their order, by where they come from.
    #[serde(default)]
    pub parts: Vec<MemoryPart>,
    /// The words, if they were asked for; those of which no byte is known are
    /// left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// What the answer lacks: files of the frame's module and of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Why the question means nothing. Absent: it means something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<RefusedExpression>,
}

impl MemoryDump {
    /// The name of the contract, in [`MemoryDump::schema`].
    pub const SCHEMA: &str = "coretool.memory/1";
}

/// Bytes that come from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryPart {
    /// The first one's address.
    pub address: Hex,
    /// How many they are.
    pub length: u64,
    /// Where they come from.
    pub source: ByteSource,
    /// The file that they come from, as the process saw its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The bytes. Absent: they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    /// Whether anything was mapped there.
    #[serde(default)]
    pub is_mapped: bool,
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ByteSource {
    /// From the dump itself.
    Dump,
    /// From the file that was mapped there; the dump leaves them out.
    File,
    /// From nowhere: they are not known.
    #[default]
    Missing,
}

/// A word of eight bytes, lowest byte first in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Word {
    /// Where it lies.
    pub address: Hex,
    /// What it is. Absent: some of its bytes are missing, or behind the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Hex>,
    /// What lies at the address that it would be, if anything is mapped there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The bytes of a word that is not whole, in their order: two hexadecimal
    /// digits each, `??` for a missing one; fewer than eight at the end of the
    /// range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// Bytes, as two hexadecimal digits each in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("bytes are pairs of hexadecimal digits");
        let mut bytes = Vec::new();
        for pair in digits.as_bytes().chunks(2) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            let is_pair = pair.len() == 2 && pair.chars().all(|digit| digit.is_ascii_hexdigit());
            let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_pair);
            bytes.push(byte.ok_or_else(wrong)?);
        }
        Ok(Self(bytes))
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9a-f]{2})*$",
            "description": "Bytes in their order, two hexadecimal digits each."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json() {
        let bytes = Bytes(vec![0, 0x7f, 0xff]);
        let json = serde_json::to_string(&bytes).unwrap();
        assert_eq!(json, "\"007fff\"");
        assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        for wrong in ["\"0\"", "\"0g\"", "\"+1\"", "\"0x\""] {
            assert!(serde_json::from_str::<Bytes>(wrong).is_err(), "{wrong}");
        }
    }
}
