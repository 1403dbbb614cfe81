//! The wire to AWS: signing, and taking event streams apart.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark may stop at the first surprise"
)]

use std::time::{Duration, SystemTime};

use benches::streams;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, Method, header};
use outcrop_aws::sign::{Signable, signature};
use outcrop_aws::{Credentials, Decoder, Region};

const FRAMES: usize = 2000;

fn main() {
    divan::main();
}

/// SigV4 with the keys, headers and path of a usual request.
#[divan::bench(args = [1_000, 40_000, 1_000_000])]
fn sigv4(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = vec![b'x'; bytes];
    let keys = Credentials::keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
    let Credentials::Keys(keys) = keys.unwrap() else { panic!("not keys") };
    let region = Region::new("us-east-1", "the benchmark").unwrap();
    let host = HeaderValue::from_static("bedrock-runtime.us-east-1.amazonaws.com");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let request = Signable {
            service: "bedrock",
            method: &Method::POST,
            path_and_query: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
            host: &host,
            headers: &headers,
            body: black_box(&body),
        };
        signature(&request, &keys, &region, now).unwrap()
    });
}

/// Event-stream frames that arrive one by one, and in the chunks of a fast connection.
#[divan::bench(args = [0, 16_384])]
fn eventstream_decode(bencher: Bencher<'_, '_>, chunk: usize) {
    let frames = streams::converse(FRAMES).unwrap();
    let whole = frames.concat();
    let chunks: Vec<&[u8]> = match chunk {
        0 => frames.iter().map(Vec::as_slice).collect(),
        size => whole.chunks(size).collect(),
    };
    bencher.counter(ItemsCount::new(FRAMES)).bench(|| {
        let mut decoder = Decoder::default();
        let mut bytes = 0;
        for chunk in black_box(&chunks) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next().unwrap() {
                bytes += frame.payload.len();
            }
        }
        bytes
    });
}
