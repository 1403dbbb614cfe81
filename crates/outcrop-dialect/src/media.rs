//! Media by address: what a body asks to be fetched, and the same body with the bytes in their place.
//!
//! 1. A body is changed before it is read: whatever follows (relay, translation, another target) sees
//!    the same bytes, and nothing of it knows about addresses.
//! 2. Only the members that hold an address change; every other byte of the body stays.
//! 3. The bytes decide what they are (`sniff`); what they are decides whether they are taken.
//!
//! Pure: the fetching itself happens elsewhere. `s3://` addresses are not for fetching and stay.

mod find;
mod put;
mod sniff;

use std::borrow::Cow;
use std::ops::Range;

use outcrop_model::chat::MediaKind;
use outcrop_model::json::Extra;
use outcrop_model::{Card, Fault};

pub use find::wanted;
pub use put::put;

use crate::openai::kind_of;

/// All that a body wants fetched.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The model as the body names it; empty when it does not.
    pub model: Cow<'a, str>,
    /// In the order of the body.
    pub places: Vec<Place<'a>>,
}

/// A member that holds an address.
#[derive(Debug)]
pub struct Place<'a> {
    pub url: Cow<'a, str>,
    /// JSON path of the address.
    pub path: String,
    takes: Takes,
    /// Bytes of the body that the media replace.
    range: Range<usize>,
    form: Form<'a>,
}

/// What may come from the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Image,
    /// OpenAI's `image_url`, in which clients send PDF too.
    ImageOrPdf,
    Document,
    Video,
    /// Whatever a file can be.
    Any,
}

/// How the bytes are written.
#[derive(Debug)]
enum Form<'a> {
    /// A data URL in place of the address.
    DataUrl,
    /// An object whose address becomes `file_data`, with a file name; its members.
    File { members: Extra<'a>, address: &'static str },
    /// Anthropic's `source`; its members.
    Source(Extra<'a>),
}

/// Fetched bytes, and what they are.
#[derive(Debug, Clone, Copy)]
pub struct Media<'m> {
    pub bytes: &'m [u8],
    pub mime: &'static str,
}

// === impl Wanted ===

impl Wanted<'_> {
    /// Leaves out what the model takes no media of: there the request is refused without a fetch.
    pub fn retain_taken(&mut self, card: &Card) {
        self.places.retain(|place| match place.takes {
            Takes::Image => card.images,
            Takes::ImageOrPdf => card.images || card.documents,
            Takes::Document => card.documents,
            Takes::Video => card.video,
            Takes::Any => card.images || card.documents || card.audio || card.video,
        });
    }
}

// === impl Place ===

impl<'a> Place<'a> {
    /// What the fetched bytes are; `declared` is the server's `content-type`.
    ///
    /// # Errors
    /// When they are not what this member takes.
    pub fn identify<'m>(
        &self,
        bytes: &'m [u8],
        declared: Option<&str>,
    ) -> Result<Media<'m>, Fault> {
        let found = sniff::mime(bytes, declared, self.file_name().as_deref());
        let Some(mime) = found else {
            let what = format!(
                "leads to something that is no kind of media known here, but {} was expected. \
                 Check the address.",
                self.takes.words()
            );
            return Err(Fault::invalid(self.path.clone(), what));
        };
        if !self.takes.admits(mime) {
            let what = format!(
                "leads to {mime}, but {} was expected. Check the address, and whether it can be \
                 read without signing in.",
                self.takes.words()
            );
            return Err(Fault::invalid(self.path.clone(), what));
        }
        Ok(Media { bytes, mime })
    }

    /// The last segment of the address's path.
    fn file_name(&self) -> Option<String> {
        let (_, rest) = self.url.split_once("://")?;
        let (_, path) = rest.split(['?', '#']).next()?.split_once('/')?;
        let name = percent_decoded(path.rsplit('/').next()?);
        (!name.is_empty()).then_some(name)
    }
}

// === impl Takes ===

impl Takes {
    fn admits(self, mime: &str) -> bool {
        let kind = kind_of(mime);
        match self {
            Self::Image => kind == Some(MediaKind::Image),
            Self::ImageOrPdf => kind == Some(MediaKind::Image) || mime == "application/pdf",
            Self::Document => kind == Some(MediaKind::Document),
            Self::Video => kind == Some(MediaKind::Video),
            Self::Any => true,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Image => "an image (png, jpeg, gif or webp)",
            Self::ImageOrPdf => "an image (png, jpeg, gif or webp) or a PDF",
            Self::Document => "a document (PDF, text or Office)",
            Self::Video => "a video",
            Self::Any => "a document, an image, a sound or a video",
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let escaped = (byte == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                i += 3;
            }
            None => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
