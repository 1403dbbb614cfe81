//! Hashes in names.
//!
//! 1. They are the same in every release and on every machine, which those of the standard library are not.
//! 2. They keep names apart. Whoever has a list of what may have been hashed can look it up.

/// Eight digits: too few to find a text by that is in no list.
pub fn short(text: &str) -> String {
    let hash = fnv1a(text);
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

/// Twelve digits.
pub fn long(text: &str) -> String {
    format!("{:012x}", fnv1a(text) & 0xffff_ffff_ffff)
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
