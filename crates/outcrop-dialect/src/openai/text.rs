//! OpenAI's legacy text completions, over a chat.
//!
//! 1. The prompt is the user's one message; the answer's text is the completion. No instruction is
//!    added, so a chat model answers the prompt rather than continuing it.
//! 2. What would change the completion unseen (`suffix`, several prompts, tokens for a prompt) is
//!    refused with the mend; what only adds to it (`echo`, `best_of`, `logprobs`) is a loss.
//! 3. Thinking has no place in this dialect: it is left out, and of a whole answer it is a loss.

mod request;
mod response;
mod stream;

pub use request::decode;
pub use response::encode_response;
pub use stream::TextWriter;
