//! One signed question, and its whole answer.

use bytes::Bytes;
use outcrop_aws::{AwsClient, Outbound};
use outcrop_model::{Fault, Retry};

/// Largest answer: a list of all models has about 500 KB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Asks, and once more where the client has corrected its clock.
pub async fn ask(client: &AwsClient, question: &Outbound) -> Result<Bytes, Fault> {
    match once(client, question).await {
        Err(fault) if fault.retry() == Retry::RefreshOnce => once(client, question).await,
        outcome => outcome,
    }
}

async fn once(client: &AwsClient, question: &Outbound) -> Result<Bytes, Fault> {
    client.send(question).await?.body.collect(MAX_ANSWER).await
}
