//! One attempt at AWS, against a server on loopback that says exactly what each test wants.
//!
//! Time limits are tested with a clock that is stopped once the server is known to be silent: it then
//! jumps to the next timer, so nothing here sleeps or measures.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod proxy;
mod server;
mod tls;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, Method};
use outcrop_aws::{
    AwsClient, ClientConfig, Clock, CredentialSource, Credentials, Endpoint, Endpoints, Outbound,
    Region, Service, Timeouts,
};
use outcrop_model::{ErrorClass, Fault, Phase};
use server::{Reply, Seen, Server, response};
use tokio::sync::Notify;

/// 2026-11-21T00:00:00Z.
const NOW: u64 = 1_795_219_200;
const LONG: Duration = Duration::from_secs(1_000_000);
const PATIENT: Timeouts = Timeouts { connect: LONG, first_byte: LONG, idle: LONG, total: LONG };

pub fn config(base_url: &str) -> ClientConfig {
    let region = Region::new("us-east-1", "test").unwrap();
    let endpoints = Endpoints::single(region, Endpoint::parse(base_url, "test").unwrap());
    let credentials =
        Credentials::keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None).unwrap();
    let mut config = ClientConfig::new(endpoints, CredentialSource::Static(credentials));
    config.clock = Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    config.timeouts = PATIENT;
    config
}

fn client(server: &Server) -> AwsClient {
    AwsClient::new(config(&format!("http://{}", server.address))).unwrap()
}

fn call() -> Outbound {
    Outbound::post("/model/m%3A0/invoke", r#"{"a":1}"#)
}

async fn fault(client: &AwsClient) -> Fault {
    client.send(&call()).await.err().unwrap()
}

fn told(fault: &Fault) -> (ErrorClass, Phase) {
    (fault.class, fault.phase)
}

/// Lets every byte that is under way on loopback arrive: each turn polls all sockets once.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_asked_goes_out_byte_for_byte() {
    let mut server =
        Server::start([Reply::Say(response(200, "x-amzn-requestid: id-1\r\n", "{}"))]).await;
    let client = AwsClient::new(config(&format!("http://{}/base", server.address))).unwrap();
    let mut request = call();
    request.path_and_query = "/model/arn:aws%3Ab%2Fx~y:0/invoke?b=%2F&a".into();
    for (name, value) in [
        ("authorization", "Bearer of-the-caller"),
        ("x-api-key", "of-the-caller"),
        ("cookie", "c=1"),
        ("host", "elsewhere"),
        ("connection", "close"),
        ("content-length", "99"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("x-amz-date", "of-the-caller"),
        ("x-amz-security-token", "of-the-caller"),
        ("accept-encoding", "gzip"),
        ("x-amzn-bedrock-trace", "ENABLED"),
        ("accept", "application/json"),
    ] {
        request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let answer = client.send(&request).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.request_id.as_deref()), (200, Some("id-1")));
    assert_eq!(answer.body.collect(10).await.unwrap(), "{}");

    let (_, head, body) = server.request().await;
    assert!(
        head.starts_with("POST /base/model/arn:aws%3Ab%2Fx~y:0/invoke?b=%2F&a HTTP/1.1\r\n"),
        "{head}"
    );
    let mut lines: Vec<&str> = head
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with("authorization"))
        .collect();
    lines.sort_unstable();
    let host = format!("host: {}", server.address);
    let agent = concat!("user-agent: outcrop/", env!("CARGO_PKG_VERSION"));
    let expected = [
        "accept: application/json",
        "content-length: 7",
        "content-type: application/json",
        &host,
        agent,
        "x-amz-date: 20261121t000000z",
        "x-amzn-bedrock-trace: enabled",
    ];
    assert_eq!(lines, expected);
    assert!(head.contains("authorization: aws4-hmac-sha256 credential=akidexample/20261121/us-east-1/bedrock/aws4_request, signedheaders=content-type;host;x-amz-date;x-amzn-bedrock-trace, signature="), "{head}");
    assert_eq!(body, br#"{"a":1}"#);
}

#[tokio::test]
async fn a_bedrock_api_key_goes_out_as_bearer() {
    let mut server = Server::start([Reply::Say(response(200, "", ""))]).await;
    let mut config = config(&format!("http://{}", server.address));
    config.credentials = CredentialSource::Static(Credentials::bearer("absk-key").unwrap());
    AwsClient::new(config).unwrap().send(&call()).await.unwrap();
    let (_, head, _) = server.request().await;
    assert!(
        head.contains("authorization: bearer absk-key\r\n") && !head.contains("x-amz-date"),
        "{head}"
    );
}

#[tokio::test]
async fn each_service_has_its_own_endpoint() {
    let (mut runtime, mut control) =
        (Server::start([]).await, Server::start([Reply::Say(response(200, "", "[]"))]).await);
    let mut config = config(&format!("http://{}", runtime.address));
    config.endpoints.control =
        Endpoint::parse(&format!("http://{}", control.address), "test").unwrap();
    let client = AwsClient::new(config).unwrap();
    let request = Outbound {
        service: Service::Control,
        method: Method::GET,
        path_and_query: "/foundation-models".into(),
        body: "".into(),
        ..call()
    };
    client.send(&request).await.unwrap();
    assert!(control.request().await.1.starts_with("GET /foundation-models HTTP/1.1\r\n"));
    let pending = tokio::spawn(async move { client.send(&call()).await });
    assert!(runtime.request().await.1.starts_with("POST /model"));
    pending.abort();
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let mut server =
        Server::start([Reply::Say(response(200, "", "one")), Reply::Say(response(200, "", "two"))])
            .await;
    let client = client(&server);
    assert_eq!(client.send(&call()).await.unwrap().body.collect(10).await.unwrap(), "one");
    assert_eq!(client.send(&call()).await.unwrap().body.collect(10).await.unwrap(), "two");
    assert_eq!((server.request().await.0, server.request().await.0), (0, 0));
}

#[tokio::test]
async fn a_refusal_is_classified() {
    let headers =
        "x-amzn-errortype: ThrottlingException:\r\nx-amzn-requestid: id-2\r\nretry-after: 3\r\n";
    let server =
        Server::start([Reply::Say(response(429, headers, r#"{"message":"Too many requests"}"#))])
            .await;
    let fault = fault(&client(&server)).await;
    assert_eq!(told(&fault), (ErrorClass::Throttled, Phase::AwaitingHead));
    assert_eq!((fault.status, fault.message.as_ref()), (Some(429), "Too many requests"));
    assert_eq!(
        (fault.request_id.as_deref(), fault.retry_after),
        (Some("id-2"), Some(Duration::from_secs(3)))
    );
}

#[tokio::test]
async fn an_endless_refusal_is_cut() {
    let mut endless = b"HTTP/1.1 503 x\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    endless.resize(3 * 1024 * 1024, b'x');
    let server = Server::start([Reply::SayAndHang(endless)]).await;
    assert_eq!(told(&fault(&client(&server)).await), (ErrorClass::Overloaded, Phase::AwaitingHead));
}

#[tokio::test]
async fn a_refusal_that_breaks_off_or_stalls_keeps_its_head() {
    let partial = b"HTTP/1.1 429 x\r\nx-amzn-errortype: ModelNotReadyException\r\ncontent-length: 50\r\n\r\n{\"mess".to_vec();
    let server = Server::start([Reply::SayAndClose(partial.clone())]).await;
    assert_eq!(fault(&client(&server)).await.class, ErrorClass::ModelNotReady);

    let mut server = Server::start([Reply::SayAndHang(partial)]).await;
    let client = client(&server);
    let pending = tokio::spawn(async move { fault(&client).await });
    server.request().await;
    settle().await;
    tokio::time::pause();
    assert_eq!(pending.await.unwrap().class, ErrorClass::ModelNotReady);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable_before_sending() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fault = fault(&AwsClient::new(config(&format!("http://{address}"))).unwrap()).await;
    assert_eq!(told(&fault), (ErrorClass::Unreachable, Phase::BeforeSend));
    assert!(!fault.message.contains("127.0.0.1"), "{}", fault.message);
}

#[tokio::test]
async fn a_connection_lost_after_sending_awaits_the_head() {
    for (said, class) in [
        ("", ErrorClass::Unreachable),
        ("HTTP/1.1 200", ErrorClass::Unreachable),
        ("nonsense\r\n\r\n", ErrorClass::Garbled),
    ] {
        let server = Server::start([Reply::SayAndClose(said.into())]).await;
        assert_eq!(told(&fault(&client(&server)).await), (class, Phase::AwaitingHead), "{said}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_truncated() {
    let length = "HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nfive!";
    let chunked = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n";
    for said in [length, chunked] {
        let server = Server::start([Reply::SayAndClose(said.into())]).await;
        let mut body = client(&server).send(&call()).await.unwrap().body;
        assert_eq!(body.chunk().await.unwrap().unwrap(), "five!");
        body.set_phase(Phase::Streaming);
        assert_eq!(
            told(&body.chunk().await.unwrap().unwrap_err()),
            (ErrorClass::Truncated, Phase::Streaming)
        );
        assert!(body.chunk().await.is_none());

        let server = Server::start([Reply::SayAndClose(said.into())]).await;
        let body = client(&server).send(&call()).await.unwrap().body;
        assert_eq!(
            told(&body.collect(100).await.unwrap_err()),
            (ErrorClass::Truncated, Phase::BeforeCommit)
        );
    }
}

#[tokio::test]
async fn a_damaged_chunk_is_never_a_clean_end() {
    let server = Server::start([Reply::SayAndClose(
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".into(),
    )])
    .await;
    let mut body = client(&server).send(&call()).await.unwrap().body;
    let class = body.chunk().await.unwrap().unwrap_err().class;
    assert!(matches!(class, ErrorClass::Garbled | ErrorClass::Truncated), "{class:?}");
}

#[tokio::test]
async fn collect_gives_all_and_no_more_than_the_limit() {
    let chunked =
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    for said in [response(200, "", "abcdefg"), chunked.into()] {
        for (limit, fits) in [(7, true), (6, false)] {
            let server = Server::start([Reply::Say(said.clone())]).await;
            let body = client(&server).send(&call()).await.unwrap().body;
            match body.collect(limit).await {
                Ok(bytes) => assert!(fits && bytes == "abcdefg"),
                Err(fault) => assert_eq!((fits, fault.class), (false, ErrorClass::NotSupported)),
            }
        }
    }
}

#[tokio::test]
async fn dropping_the_answer_cancels_the_call() {
    let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n";
    let mut server = Server::start([Reply::SayAndHang(head.into())]).await;
    let client = client(&server);
    let mut answer = client.send(&call()).await.unwrap();
    answer.body.chunk().await.unwrap().unwrap();
    server.request().await;
    drop(answer);
    assert!(matches!(server.next().await, Seen::Closed));
}

#[tokio::test]
async fn dropping_the_wait_for_the_head_cancels_the_call() {
    let mut server = Server::start([Reply::SayAndHang(Vec::new())]).await;
    let client = Arc::new(client(&server));
    let waiting = Arc::clone(&client);
    let pending = tokio::spawn(async move { waiting.send(&call()).await });
    server.request().await;
    pending.abort();
    assert!(matches!(server.next().await, Seen::Closed));
}

#[tokio::test]
async fn no_head_in_time_is_a_timeout() {
    for limits in [
        Timeouts { first_byte: Duration::from_secs(30), ..PATIENT },
        Timeouts { total: Duration::from_secs(30), ..PATIENT },
    ] {
        let mut server = Server::start([Reply::SayAndHang(Vec::new())]).await;
        let mut config = config(&format!("http://{}", server.address));
        config.timeouts = limits;
        let client = AwsClient::new(config).unwrap();
        let pending = tokio::spawn(async move { fault(&client).await });
        server.request().await;
        tokio::time::pause();
        assert_eq!(
            told(&pending.await.unwrap()),
            (ErrorClass::UpstreamTimeout, Phase::AwaitingHead)
        );
        assert!(matches!(server.next().await, Seen::Closed));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn silence_within_a_body_is_a_timeout() {
    let limits = [
        Timeouts { idle: Duration::from_secs(30), ..PATIENT },
        Timeouts { total: Duration::from_secs(30), ..PATIENT },
    ];
    for (limits, word) in limits.into_iter().zip(["silent", "too long"]) {
        let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n";
        let mut server = Server::start([Reply::SayAndHang(head.into())]).await;
        let mut config = config(&format!("http://{}", server.address));
        config.timeouts = limits;
        let mut answer = AwsClient::new(config).unwrap().send(&call()).await.unwrap();
        answer.body.chunk().await.unwrap().unwrap();
        server.request().await;
        tokio::time::pause();
        let fault = answer.body.chunk().await.unwrap().unwrap_err();
        assert_eq!(told(&fault), (ErrorClass::UpstreamTimeout, Phase::BeforeCommit));
        assert!(fault.message.contains(word), "{}", fault.message);
        assert!(answer.body.chunk().await.is_none());
        assert!(matches!(server.next().await, Seen::Closed));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn the_connection_of_an_answer_that_is_let_go_carries_the_next_request() {
    let go_on = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n";
    let first = Reply::SayInTwo(head.into(), Arc::clone(&go_on), "0\r\n\r\n".into());
    let mut server = Server::start([first, Reply::Say(response(200, "", ""))]).await;
    let client = client(&server);
    let mut body = client.send(&call()).await.unwrap().body;
    body.chunk().await.unwrap().unwrap();
    body.let_go();
    assert!(body.chunk().await.is_none());
    settle().await;
    go_on.notify_one();
    settle().await;
    client.send(&call()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(server.request().await.0, 0);
    }
}

#[tokio::test]
async fn giving_up_a_wait_and_beginning_it_again_does_not_restart_the_silence() {
    let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n";
    let mut server = Server::start([Reply::SayAndHang(head.into())]).await;
    let mut config = config(&format!("http://{}", server.address));
    config.timeouts.idle = Duration::from_secs(30);
    let mut body = AwsClient::new(config).unwrap().send(&call()).await.unwrap().body;
    body.chunk().await.unwrap().unwrap();
    server.request().await;
    tokio::time::pause();
    // The reader of the answer was slow for an hour: not the service's silence.
    tokio::time::advance(Duration::from_secs(3600)).await;
    let mut ticks = 0;
    let fault = loop {
        tokio::select! {
            chunk = body.chunk() => break chunk.unwrap().unwrap_err(),
            () = tokio::time::sleep(Duration::from_secs(20)) => ticks += 1,
        }
    };
    assert_eq!((fault.class, ticks), (ErrorClass::UpstreamTimeout, 1));
}

#[tokio::test]
async fn a_refused_signature_corrects_the_clock_for_the_next_attempt() {
    let refusal = response(
        403,
        "x-amzn-errortype: InvalidSignatureException\r\ndate: Sat, 21 Nov 2026 00:07:00 GMT\r\n",
        r#"{"message":"Signature expired"}"#,
    );
    let close = response(
        403,
        "x-amzn-errortype: InvalidSignatureException\r\ndate: Sat, 21 Nov 2026 00:07:30 GMT\r\n",
        "{}",
    );
    let mut server =
        Server::start([Reply::Say(refusal), Reply::Say(close), Reply::Say(response(200, "", ""))])
            .await;
    let client = client(&server);
    for _ in 0..2 {
        assert_eq!(told(&fault(&client).await), (ErrorClass::BadSignature, Phase::AwaitingHead));
    }
    client.send(&call()).await.unwrap();
    for date in ["20261121t000000z", "20261121t000700z", "20261121t000700z"] {
        let (_, head, _) = server.request().await;
        assert!(head.contains(&format!("x-amz-date: {date}\r\n")), "{head}");
    }
}

/// Whoever lent credentials would be told that they are wrong.
#[tokio::test]
async fn two_that_meet_a_wrong_clock_at_once_are_both_refused_for_the_clock() {
    let refusal = response(
        403,
        "x-amzn-errortype: InvalidSignatureException\r\ndate: Sat, 21 Nov 2026 00:07:00 GMT\r\n",
        r#"{"message":"Signature expired"}"#,
    );
    let go_on = Arc::new(Notify::new());
    let late = Reply::SayInTwo(Vec::new(), Arc::clone(&go_on), refusal.clone());
    let mut server = Server::start([late, Reply::Say(refusal)]).await;
    let client = Arc::new(client(&server));
    let mut lent = call();
    lent.credentials = Some(Credentials::keys("AKIDLENT", "s3cr3t", None).unwrap());
    let early = tokio::spawn({
        let (client, lent) = (Arc::clone(&client), lent.clone());
        async move { client.send(&lent).await }
    });
    server.request().await;
    let clock = (ErrorClass::BadSignature, Phase::AwaitingHead);
    assert_eq!(told(&client.send(&lent).await.err().unwrap()), clock);
    go_on.notify_one();
    assert_eq!(told(&early.await.unwrap().err().unwrap()), clock);
}

#[tokio::test]
async fn a_path_that_cannot_be_sent_is_refused_before_sending() {
    let server = Server::start([]).await;
    let request = Outbound::post("/model/a b/invoke", "");
    let fault = client(&server).send(&request).await.err().unwrap();
    assert_eq!(told(&fault), (ErrorClass::InvalidRequest, Phase::BeforeSend));
}
