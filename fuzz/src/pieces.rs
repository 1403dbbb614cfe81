//! Bytes cut into pieces, as a network cuts them.

/// Cuts `bytes` into pieces of 1 to 64 bytes; the same bytes are always cut the same way.
pub fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = crc32fast::hash(bytes) | 1;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The generator of Numerical Recipes: its high bits vary enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = 1 + (state >> 26) as usize;
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
