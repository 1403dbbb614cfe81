//! A PNG in two colours, one bit a pixel, not compressed: small code, valid files.

/// Most bytes of a stored block (RFC 1951).
const BLOCK: usize = 0xffff;

/// Diagonal stripes; `hash` decides their width and colours.
pub(super) fn stripes(width: u32, height: u32, hash: u64) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::with_capacity(13);
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    // One bit a pixel, with a palette; the only compression, filter and interlace there are: none.
    head.extend([1, 3, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &head);
    let bytes = hash.to_be_bytes();
    chunk(&mut png, b"PLTE", &bytes[..6]);
    chunk(&mut png, b"IDAT", &stored(&rows(width, height, 8 + u32::from(bytes[7] & 31))));
    chunk(&mut png, b"IEND", &[]);
    png
}

/// Every row with its filter byte in front.
fn rows(width: u32, height: u32, stripe: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        for byte in 0..width.div_ceil(8) {
            let bit = |at: u32| u8::from((byte * 8 + at + y) / stripe % 2 == 1) << (7 - at);
            rows.push((0..8).map(bit).fold(0, |all, bit| all | bit));
        }
    }
    rows
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(BLOCK).count();
    for (index, block) in data.chunks(BLOCK).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(index + 1 == blocks));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler(data).to_be_bytes());
    out
}

fn adler(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % MODULUS;
        (a, (a + b) % MODULUS)
    };
    let (a, b) = data.iter().fold((1, 0), step);
    (b << 16) | a
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    png.extend(crc32fast::hash(&png[start..]).to_be_bytes());
}
