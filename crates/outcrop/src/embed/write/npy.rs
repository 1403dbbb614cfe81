//! NumPy's file of an array, version 1.0: a row for each vector, 32-bit floats.

use super::numbers;
use crate::embed::Embedded;

/// The data begin at a multiple of it (NEP 1, <https://numpy.org/neps/nep-0001-npy-format.html>, checked
/// 2026-11-26).
const ALIGN: usize = 64;
/// Magic, version and the length of what follows.
const BEFORE: usize = 10;

pub fn write(embedded: &Embedded<'_>, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut data = Vec::new();
    let (mut rows, mut columns) = (0, 0);
    embedded.each(|_chunk, vector| {
        let bytes = numbers::bytes(vector.get())?;
        (rows, columns) = (rows + 1, bytes.len() / size_of::<f32>());
        data.extend(bytes);
        anyhow::Ok(())
    })?;
    let mut head =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // With the line feed at its end.
    let length = (BEFORE + head.len() + 1).next_multiple_of(ALIGN) - BEFORE;
    head.push_str(&" ".repeat(length - 1 - head.len()));
    head.push('\n');
    out.extend(b"\x93NUMPY\x01\x00");
    out.extend(u16::try_from(length)?.to_le_bytes());
    out.extend(head.as_bytes());
    out.extend(data);
    Ok(())
}
