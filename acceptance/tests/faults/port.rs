//! What may listen in the place of a Bedrock.

use std::convert::Infallible;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Where it listens, as an endpoint; it goes on as long as the test.
pub async fn endpoint(what: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    match what {
        // Nobody else may take the port.
        "refused" => drop(tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(socket);
        })),
        _ => drop(tokio::spawn(listen(socket.listen(64).unwrap(), what.to_owned()))),
    }
    let scheme = if what.ends_with("tls") { "https" } else { "http" };
    format!("{scheme}://{address}")
}

async fn listen(listener: TcpListener, what: String) -> Infallible {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(socket, what.clone()));
    }
}

async fn answer(mut socket: TcpStream, what: String) {
    if what == "closes" {
        return;
    }
    let mut request = [0; 64 * 1024];
    // Whoever asks may have left.
    let Ok(1..) = socket.read(&mut request).await else { return };
    let said: &[u8] = match &*what {
        "reads and closes" | "says nothing" | "hangs before tls" => b"",
        "without tls" => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        "says garbage" => b"\x15\x03\x01\x00\x02\x02\x46",
        "says half a head" => b"HTTP/1.1 200 OK\r\ncontent-type: applica",
        "says a head alone" | "says a head and stays silent" => {
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
        }
        other => panic!("no port {other}"),
    };
    drop(socket.write_all(said).await);
    if ["hangs before tls", "says nothing", "says a head and stays silent"].contains(&&*what) {
        std::future::pending::<()>().await;
    }
}
