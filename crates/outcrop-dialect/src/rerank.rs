//! Cohere Rerank (`/v1/rerank`, `/v2/rerank`) over the native bodies of Bedrock's rerank models.
//!
//! 1. Results stand in the order in which the model put them, scores digit for digit.
//! 2. A document that is an object is ranked by its `text` and handed back whole.

use std::borrow::Cow;

use outcrop_model::json::{Str, parse_raw};
use outcrop_model::{Fault, Ledger, RerankCard, Wares};
use serde_json::value::RawValue;

use crate::answer::Label;
use crate::bundle::{Bundle, Piece, Task, garbled};
use crate::fields::Fields;
use crate::write::JsonWriter;

/// A caller's request, read far enough to find its model.
#[derive(Debug)]
pub struct Request<'a> {
    pub model: Cow<'a, str>,
    query: Cow<'a, str>,
    documents: Vec<Document<'a>>,
    top_n: Option<u64>,
    return_documents: bool,
    rest: Fields<'a>,
}

#[derive(Debug)]
struct Document<'a> {
    raw: &'a RawValue,
    text: Cow<'a, str>,
}

#[derive(Debug)]
struct Ranking {
    version: u8,
    /// How many documents were asked about.
    count: usize,
    /// Each document as the caller gets it back; empty when none is wanted back.
    documents: Vec<Vec<u8>>,
}

/// Documents that are charged as one query (AWS pricing page, unverified).
const DOCUMENTS_A_QUERY: u64 = 100;
const DOCUMENT: &str = "must be a text or an object with a `text`.";

/// Reads a request.
///
/// # Errors
/// Names the place of whatever is missing or malformed.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let mut fields = Fields::read(body)?;
    let model = fields.need_text("model", "Name the model to ask.")?;
    let query = fields.need_text("query", "Say what to rank the documents by.")?;
    let items: Vec<&RawValue> = fields
        .get("documents")?
        .ok_or_else(|| Fault::invalid("documents", "is required. Send a list of texts."))?;
    if items.is_empty() {
        return Err(Fault::invalid("documents", "must not be empty. Send a list of texts."));
    }
    let each = items.into_iter().enumerate();
    let documents = each.map(|(index, raw)| document(raw, &format!("documents[{index}]")));
    let documents = documents.collect::<Result<_, Fault>>()?;
    let top_n = fields.get("top_n")?;
    if top_n == Some(0) {
        return Err(Fault::invalid("top_n", "must be at least 1."));
    }
    let return_documents = fields.get("return_documents")?.unwrap_or(false);
    Ok(Request { model, query, documents, top_n, return_documents, rest: fields })
}

fn document<'a>(raw: &'a RawValue, path: &str) -> Result<Document<'a>, Fault> {
    let (text, path) = match raw.get().as_bytes().first() {
        Some(b'"') => (raw, path.to_owned()),
        Some(b'{') => {
            let text = Fields::of(raw, path)?.take("text");
            (text.ok_or_else(|| Fault::invalid(path, DOCUMENT))?, format!("{path}.text"))
        }
        _ => return Err(Fault::invalid(path, DOCUMENT)),
    };
    let Str(text) = parse_raw(text, &path)?;
    if text.is_empty() {
        return Err(Fault::invalid(path, "must not be empty."));
    }
    Ok(Document { raw, text })
}

/// Plans the call for a model.
///
/// # Errors
/// When there are more documents than the model takes.
pub fn plan(
    request: Request<'_>,
    version: u8,
    card: &RerankCard,
    ledger: &mut Ledger,
) -> Result<Bundle, Fault> {
    let count = request.documents.len();
    if count > card.max_documents {
        let most = card.max_documents;
        let message = format!("must not hold more than {most} documents; it holds {count}.");
        return Err(Fault::invalid("documents", message));
    }
    let body = encode(&request, card);
    let Request { model, documents, return_documents, mut rest, .. } = request;
    if rest.take("max_tokens_per_doc").is_some() {
        ledger.dropped("max_tokens_per_doc", "models on Bedrock take no such limit");
    }
    rest.drop_rest(ledger);
    let documents = match return_documents {
        true => documents.iter().map(Document::handed_back).collect(),
        false => Vec::new(),
    };
    let task = Box::new(Ranking { version, count, documents });
    let wares = Wares { queries: queries(count), ..Wares::default() };
    Ok(Bundle { model: model.into_owned(), calls: vec![body.into()], wares, task })
}

/// As how many queries a query over so many documents is charged.
pub fn queries(documents: usize) -> u64 {
    (documents as u64).div_ceil(DOCUMENTS_A_QUERY)
}

fn encode(request: &Request<'_>, card: &RerankCard) -> Vec<u8> {
    let size = request.documents.iter().map(|document| document.text.len() + 3).sum::<usize>();
    let mut body = Vec::with_capacity(size + request.query.len() + 128);
    let mut w = JsonWriter::new(&mut body);
    w.open_object();
    w.member_str("query", &request.query);
    w.key("documents");
    w.open_array();
    for document in &request.documents {
        w.str(&document.text);
    }
    w.close_array();
    if let Some(top_n) = request.top_n {
        // More than there are means all of them.
        w.member_u64("top_n", top_n.min(request.documents.len() as u64));
    }
    if let Some(version) = card.api_version {
        w.member_u64("api_version", version);
    }
    w.close_object();
    body
}

// === impl Document ===

impl Document<'_> {
    /// Objects as they came, texts as `{"text"}`.
    fn handed_back(&self) -> Vec<u8> {
        if self.raw.get().starts_with('{') {
            return self.raw.get().as_bytes().to_vec();
        }
        let mut json = Vec::with_capacity(self.text.len() + 16);
        let mut w = JsonWriter::new(&mut json);
        w.open_object();
        w.member_str("text", &self.text);
        w.close_object();
        json
    }
}

// === impl Ranking ===

impl Ranking {
    fn result(&self, raw: &RawValue) -> Result<Vec<u8>, Fault> {
        let mut fields = Fields::of(raw, "results")?;
        let index: Option<usize> = fields.get("index")?;
        let index = index.filter(|index| *index < self.count);
        let index = index.ok_or_else(|| garbled("a result without an index of a document"))?;
        let score = fields.take("relevance_score");
        let score = score.ok_or_else(|| garbled("a result without `relevance_score`"))?;
        parse_raw::<f64>(score, "relevance_score")?;
        let mut item = Vec::with_capacity(64);
        let mut w = JsonWriter::new(&mut item);
        w.open_object();
        w.member_u64("index", index as u64);
        w.member_raw("relevance_score", score);
        if let Some(document) = self.documents.get(index) {
            w.key("document");
            w.raw_bytes(document);
        }
        w.close_object();
        Ok(item)
    }

    fn results(&self, body: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
        let results = Fields::read(body)?.take("results");
        let results = results.ok_or_else(|| garbled("there are no `results`"))?;
        let results: Vec<&RawValue> = parse_raw(results, "results")?;
        results.into_iter().map(|raw| self.result(raw)).collect()
    }
}

impl Task for Ranking {
    fn read(&self, _call: usize, body: &[u8]) -> Result<Piece, Fault> {
        // Faults of reading name places in the model's answer, not in the caller's body.
        let items = self.results(body).map_err(|fault| match fault.param {
            Some(_) => garbled(fault.to_string()),
            None => fault,
        })?;
        Ok(Piece { items, input_tokens: None, withheld: None })
    }

    fn write(
        &self,
        pieces: &[Piece],
        label: &Label,
        _ledger: &mut Ledger,
    ) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::with_capacity(256);
        let mut w = JsonWriter::new(&mut body);
        w.open_object();
        w.member_str("id", &label.id);
        w.key("results");
        w.open_array();
        for item in pieces.iter().flat_map(|piece| &piece.items) {
            w.raw_bytes(item);
        }
        w.close_array();
        w.key("meta");
        w.open_object();
        w.key("api_version");
        w.open_object();
        w.member_str("version", if self.version == 1 { "1" } else { "2" });
        w.close_object();
        w.close_object();
        w.close_object();
        Ok(body)
    }
}
