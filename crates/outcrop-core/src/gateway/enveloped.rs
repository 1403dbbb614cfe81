//! InvokeModel with Anthropic's body for a model that takes none: read as a Messages request, answered
//! with InvokeModel's headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use outcrop_dialect::enveloped::is_foreign;
use outcrop_dialect::plan::Peeked;
use outcrop_model::{Carrier, Usage};

use super::leg::Leg;
use crate::inbound::{Inbound, Operation};
use crate::model_id;

const INPUT: HeaderName = HeaderName::from_static("x-amzn-bedrock-input-token-count");
const OUTPUT: HeaderName = HeaderName::from_static("x-amzn-bedrock-output-token-count");
const CACHE_READ: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-cache-read-input-token-count");
const CACHE_WRITE: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-cache-write-input-token-count");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-bedrock-content-type");

impl Leg<'_> {
    /// The model in the path of such a request; `None` for any other request.
    pub(super) fn enveloped_model(&self, inbound: &Inbound) -> Option<String> {
        let Operation::Bedrock { model, carrier: Carrier::Invoke, stream: _ } = &inbound.operation
        else {
            return None;
        };
        let model = model_id::percent_decode(model);
        let callee = self.learned.callee(self.called(&model));
        is_foreign(&inbound.body, callee.model(), self.gateway.catalog).then_some(model)
    }

    pub(super) fn peek_bedrock<'i>(
        &self,
        inbound: &'i Inbound,
        model: &str,
        carrier: Carrier,
        stream: bool,
    ) -> Peeked<'i> {
        let Inbound { headers, body, .. } = inbound;
        match self.enveloped_model(inbound) {
            Some(model) => Peeked::enveloped(model.into(), body, words(headers), stream),
            None => {
                let model = model_id::percent_decode(model).into();
                Peeked::bedrock(model, body.clone(), carrier, stream)
            }
        }
    }
}

/// The headers as text. One whose value is none keeps its name, so that it is refused or reported.
fn words(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect()
}

/// Puts the headers of InvokeModel: the counts of a whole answer, the form of a stream's chunks.
pub(super) fn label(headers: &mut HeaderMap, whole: Option<Usage>) {
    let Some(usage) = whole else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return;
    };
    headers.insert(INPUT, usage.input.into());
    headers.insert(OUTPUT, usage.output.into());
    let (read, written) = (usage.cache_read, usage.cache_write());
    if read + written > 0 {
        headers.insert(CACHE_READ, read.into());
        headers.insert(CACHE_WRITE, written.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_no_text_is_not_overlooked() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"gr\xff").unwrap();
        headers.insert("x-amzn-bedrock-guardrailidentifier", value);
        assert_eq!(words(&headers), [("x-amzn-bedrock-guardrailidentifier", "")]);
    }
}
