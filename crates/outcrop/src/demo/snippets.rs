//! What to paste to go on from the demo.

use std::net::SocketAddr;

use outcrop_emulator::Emulator;

use super::{CLAUDE, NOVA};

/// `curl` lines and SDK snippets for a gateway at `address`.
pub fn all(address: SocketAddr, emulator: &Emulator) -> String {
    let url = format!("http://{address}");
    format!(
        r#"
Try it yourself.

curl {url}/v1/chat/completions -H 'content-type: application/json' -d '
  {{"model": "{NOVA}", "messages": [{{"role": "user", "content": "Hi"}}]}}'

curl {url}/v1/messages -H 'content-type: application/json' -d '
  {{"model": "{CLAUDE}", "max_tokens": 100, "messages": [{{"role": "user", "content": "Hi"}}]}}'

curl {url}/model/amazon.nova-lite-v1%3A0/converse -H 'content-type: application/json' -d '
  {{"messages": [{{"role": "user", "content": [{{"text": "Hi"}}]}}]}}'

# Python, openai
from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="any")
print(client.chat.completions.create(model="{CLAUDE}", messages=[{{"role": "user", "content": "Hi"}}]).choices[0].message.content)

# Python, anthropic
from anthropic import Anthropic
client = Anthropic(base_url="{url}", api_key="any")
print(client.messages.create(model="{NOVA}", max_tokens=100, messages=[{{"role": "user", "content": "Hi"}}]).content[0].text)

# Python, boto3
import boto3
client = boto3.client("bedrock-runtime", endpoint_url="{url}", region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
print(client.converse(modelId="{NOVA}", messages=[{{"role": "user", "content": [{{"text": "Hi"}}]}}])["output"])

# Claude Code
ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN=any ANTHROPIC_MODEL={CLAUDE} claude

# The local Bedrock alone, for any AWS SDK
{}"#,
        emulator.env_lines()
    )
}
