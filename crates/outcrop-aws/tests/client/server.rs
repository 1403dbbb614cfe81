//! A server that says exactly the bytes it is told to, one scripted reply per request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What to do when a request has been read.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Say this and wait for the next request.
    Say(Vec<u8>),
    /// Say this, and the rest as soon as the test lets it go on.
    SayInTwo(Vec<u8>, Arc<Notify>, Vec<u8>),
    /// Say this and close the connection.
    SayAndClose(Vec<u8>),
    /// Say this and stay silent until the client closes.
    SayAndHang(Vec<u8>),
}

/// What happened at the server.
#[derive(Debug)]
pub enum Seen {
    Request {
        connection: usize,
        head: String,
        body: Vec<u8>,
    },
    /// The client closed a connection.
    Closed,
}

pub struct Server {
    pub address: SocketAddr,
    seen: UnboundedReceiver<Seen>,
}

impl Server {
    /// Listens on a free port and answers with `replies` in order, over all connections.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies: Arc<Mutex<Vec<Reply>>> = Arc::new(Mutex::new(replies.into_iter().collect()));
        let (sender, seen) = unbounded_channel();
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, connection, Arc::clone(&replies), sender.clone()));
            }
        });
        Self { address, seen }
    }

    pub async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// The next request: connection number, head in lower case but for its first line, body.
    pub async fn request(&mut self) -> (usize, String, Vec<u8>) {
        match self.next().await {
            Seen::Request { connection, head, body } => (connection, head, body),
            Seen::Closed => panic!("closed instead of a request"),
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    replies: Arc<Mutex<Vec<Reply>>>,
    seen: UnboundedSender<Seen>,
) {
    while let Some((head, body)) = read_request(&mut stream).await {
        seen.send(Seen::Request { connection, head, body }).unwrap_or_default();
        let reply = {
            let mut replies = replies.lock().unwrap();
            if replies.is_empty() { Reply::SayAndHang(Vec::new()) } else { replies.remove(0) }
        };
        let (Reply::Say(bytes)
        | Reply::SayInTwo(bytes, ..)
        | Reply::SayAndClose(bytes)
        | Reply::SayAndHang(bytes)) = &reply;
        // The client may have left already; that it did is seen below.
        stream.write_all(bytes).await.unwrap_or_default();
        match reply {
            Reply::Say(_) => {}
            Reply::SayInTwo(_, go_on, rest) => {
                go_on.notified().await;
                stream.write_all(&rest).await.unwrap_or_default();
            }
            Reply::SayAndClose(_) => return,
            Reply::SayAndHang(_) => {
                while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
                break;
            }
        }
    }
    seen.send(Seen::Closed).unwrap_or_default();
}

/// Head (header lines in lower case) and body of one request; `None` when the client closes.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        stream.read_buf(&mut bytes).await.ok().filter(|count| *count > 0)?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (first, rest) = head.split_once("\r\n").unwrap();
    let head = format!("{first}\r\n{}", rest.to_lowercase());
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |n| n.parse().unwrap());
    let mut body = bytes[end..].to_vec();
    while body.len() < length {
        stream.read_buf(&mut body).await.ok().filter(|count| *count > 0)?;
    }
    Some((head, body))
}

/// A response with a length.
pub fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
