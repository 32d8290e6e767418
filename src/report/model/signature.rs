//! Which bug a crash is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The keys that crashes of one bug share, from wide to narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// Of the rules by which the keys were made. Keys of different versions are
    /// not comparable.
    pub version: u32,
    /// The bucket key, 12 hexadecimal digits: the first ones of the BLAKE3 of
    /// [`Signature::text`].
    pub key: String,
    /// What the bucket key says, in words:
    /// `v1 | null-pointer.write | node_set < tree_insert`.
    pub text: String,
    /// The name to show and to write down: `NULLW-3f9ac2d1`.
    pub label: String,
    /// The key that tells variants of one bug apart.
    pub fine_key: String,
    /// The key that needs no symbols: crashes at the same place of the same
    /// files.
    pub address_key: String,
    /// The stable id of the cause, with what was done to memory.
    #[serde(default)]
    pub cause: String,
    /// The functions to blame, the innermost first; their callers are among
    /// them only where what was bad came from there.
    #[serde(default)]
    pub blame: Vec<String>,
}
