//! What a service may answer to a question over HTTP.

use crate::{
    bombs::{self, Bomb},
    entry::{Entry, Outcome},
    peer::{Peer, listen},
};
use std::sync::Arc;

/// Answers each connection's first request with these bytes and closes.
async fn bytes(name: &'static str, codes: &'static [&'static str], answer: impl Into<Vec<u8>>) -> Entry {
    let answer: Arc<[u8]> = answer.into().into();
    behaviour(name, codes, move |mut peer| {
        let answer = answer.clone();
        async move {
            peer.request().await;
            peer.say(&answer).await;
        }
    })
    .await
}

async fn behaviour<F>(
    name: &'static str,
    codes: &'static [&'static str],
    behave: impl Fn(Peer) -> F + Send + Sync + 'static,
) -> Entry
where
    F: Future<Output = ()> + Send + 'static,
{
    Entry { name, port: listen(behave).await, codes, outcome: Outcome::Refused, heavy: false }
}

/// Says the head of an answer, and then the same until nobody takes it any more.
async fn flood(
    name: &'static str,
    codes: &'static [&'static str],
    head: impl Into<Vec<u8>>,
    again: impl Into<Vec<u8>>,
) -> Entry {
    let (head, again): (Arc<[u8]>, Arc<[u8]>) = (head.into().into(), again.into().into());
    let entry = behaviour(name, codes, move |mut peer| {
        let (head, again) = (head.clone(), again.clone());
        async move {
            peer.request().await;
            peer.say(&head).await;
            peer.flood(&again).await;
        }
    });
    entry.await.heavy()
}

async fn bomb(name: &'static str, encoding: &str, bomb: Bomb) -> Entry {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n");
    flood(name, &["encoded-answer"], [head.as_bytes(), &bomb.head].concat(), bomb.again).await
}

fn json(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into()
}

const NOT_HTTP: &[&str] = &["not-http"];
/// Numbers that are out of range are no JSON.
const NUMBER: &[&str] = &["unexpected-answer", "wrong-service"];
const STRANGER: &[&str] = &["wrong-service"];
const ODD: &[&str] = &["unexpected-answer"];
const SILENT: &[&str] = &["no-answer"];
const LONG: &[&str] = &["head-too-large", "no-answer"];
const BROKEN: &[&str] = &["broken-answer"];
const LARGE: &[&str] = &["answer-too-large"];
const LATE: &[&str] = &["took-too-long", "no-answer", "stalled"];

/// Every entry that a port answers over HTTP. `elsewhere` is an address that must never be asked.
pub(crate) async fn entries(elsewhere: &str) -> Vec<Entry> {
    let mut all = connections().await;
    all.extend(heads(elsewhere).await);
    all.extend(bodies().await);
    all.extend(statuses().await);
    all
}

async fn connections() -> Vec<Entry> {
    vec![
        behaviour("RST on accept", &["connection-reset", "closed-without-answer"], |peer| async move { peer.reset() })
            .await,
        behaviour("close without an answer", &["closed-without-answer"], |mut peer| async move {
            peer.request().await;
        })
        .await,
        behaviour("accept and silence", SILENT, |mut peer| async move { peer.hang().await }).await,
        behaviour("RST after the question", &["connection-reset"], |mut peer| async move {
            peer.request().await;
            peer.reset();
        })
        .await,
        bytes("binary garbage", NOT_HTTP, [0xff, 0x00, 0x13, 0x37, 0x0d, 0x0a, 0x0d, 0x0a]).await,
        bytes("TLS alert on the plain port", NOT_HTTP, [0x15, 3, 1, 0, 2, 2, 0x28]).await,
        bytes("HTTP/2 preface", NOT_HTTP, [0, 0, 0, 4, 0, 0, 0, 0, 0]).await,
        bytes("HTTP/0.9", NOT_HTTP, *b"<html>hello</html>").await,
        bytes("another protocol", NOT_HTTP, *b"SSH-2.0-OpenSSH_9.6\r\n").await,
    ]
}

async fn heads(elsewhere: &str) -> Vec<Entry> {
    let headers: String = (0..1_000).map(|index| format!("x-{index}: 1\r\n")).collect();
    let redirect = |target: &str| format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    vec![
        behaviour("drip header", LATE, |mut peer| async move {
            peer.request().await;
            peer.drip(b"HTTP/1.1 200 OK\r\nx: ".iter().copied().chain(std::iter::repeat(b'x'))).await;
        })
        .await,
        flood("endless 100-continue", LATE, "", b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)).await,
        bytes("half a head", &["closed-without-answer"], *b"HTTP/1.1 200 OK\r\ncontent-le").await,
        flood("endless header", LONG, "HTTP/1.1 200 OK\r\nx: ", [b'a'; 64 << 10]).await,
        flood("endless headers", LONG, "HTTP/1.1 200 OK\r\n", headers).await,
        flood("endless reason", LONG, "HTTP/1.1 200 ", [b'a'; 64 << 10]).await,
        bytes("status that is no number", NOT_HTTP, *b"HTTP/1.1 abc OK\r\n\r\n").await,
        bytes(
            "duplicate content-length",
            NOT_HTTP,
            *b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}}",
        )
        .await,
        bytes(
            "content-length and chunked",
            &["wrong-service", "not-http", "broken-answer", "unexpected-answer", "answer-cut-short"],
            *b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        )
        .await,
        bytes("redirect loop", STRANGER, redirect("/system_stats")).await,
        bytes("redirect to another host", STRANGER, redirect(elsewhere)).await,
        bytes("redirect to file:", STRANGER, redirect("file:///etc/passwd")).await,
        bytes("redirect to 169.254.169.254", STRANGER, redirect("http://169.254.169.254/latest/meta-data/")).await,
        bytes(
            "control characters in a header",
            &["wrong-service", "not-http"],
            json("200 OK", "server: \u{1b}[2J\r\n", "{}"),
        )
        .await,
    ]
}

async fn bodies() -> Vec<Entry> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut invalid = json("200 OK", "", "{\"system\": \"xx\"}");
    let at = invalid.len() - 4;
    invalid[at] = 0xff;
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let chunked = |begun: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{begun}");
    let nameless = bombs::gzip();
    // As much as is read, and many times that once it is values.
    let numbers = format!("{{\"system\": [0{}]}}", ",0".repeat(120_000));
    let lists = format!("{{\"system\": [[]{}]}}", ",[]".repeat(80_000));
    let names: String = (0..20_000).map(|index| format!(",\"{index}\":0")).collect();
    vec![
        behaviour("drip body", LATE, |mut peer| async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
            peer.drip(std::iter::repeat(b'x')).await;
        })
        .await,
        bytes("truncated JSON", &["unexpected-answer"], json("200 OK", "", "{\"system\": {\"os\": ")).await,
        bytes("short body", &["answer-cut-short"], *b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":").await,
        flood("endless body", LARGE, "HTTP/1.1 200 OK\r\n\r\n", [b'x'; 1 << 16]).await,
        flood("endless chunks", LARGE, chunked(""), chunk).await,
        flood("endless chunk size", BROKEN, chunked("5;"), [b'x'; 1 << 16]).await,
        flood("endless trailers", BROKEN, chunked("2\r\n{}\r\n0\r\n"), b"x: y\r\n".repeat(10_000)).await,
        flood("10 GB", LARGE, "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n", [b'x'; 1 << 16]).await,
        bomb("gzip bomb", "gzip", bombs::gzip()).await,
        bomb("deflate bomb", "deflate", bombs::deflate()).await,
        bomb("br bomb", "br", bombs::brotli()).await,
        bomb("zstd bomb", "zstd", bombs::zstd()).await,
        flood(
            "bomb that is not named",
            LARGE,
            [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &nameless.head].concat(),
            nameless.again,
        )
        .await,
        bytes(
            "bad chunk size",
            &["broken-answer"],
            *b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhi\r\n",
        )
        .await,
        bytes("cut chunk", &["answer-cut-short"], *b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe")
            .await,
        bytes("JSON depth 100 k", &["unexpected-answer", "wrong-service"], json("200 OK", "", &deep)).await.heavy(),
        bytes("120,000 numbers", STRANGER, json("200 OK", "", &numbers)).await.heavy(),
        bytes("80,000 lists", STRANGER, json("200 OK", "", &lists)).await.heavy(),
        bytes("20,000 names", STRANGER, json("200 OK", "", &format!("{{{}}}", &names[1..]))).await.heavy(),
        bytes("invalid UTF-8", &["wrong-service", "unexpected-answer"], invalid).await,
        bytes("1e999", NUMBER, json("200 OK", "", "{\"system\": 1e999}")).await,
        bytes("NaN", NUMBER, json("200 OK", "", "{\"system\": NaN}")).await,
        bytes("5,000-digit number", NUMBER, json("200 OK", "", &format!("{{\"system\": {}}}", "9".repeat(5_000))))
            .await,
        bytes(
            "HTML instead of JSON",
            STRANGER,
            *b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<title>Router</title>",
        )
        .await,
        behaviour("endless SSE", LATE, |mut peer| async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
            while peer.say("data: tick\n\n").await {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        })
        .await,
        flood(
            "SSE line of 1 GB",
            LARGE,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ",
            [b'x'; 1 << 16],
        )
        .await,
        behaviour("SSE without a newline", LATE, |mut peer| async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
            peer.drip(std::iter::repeat(b'x')).await;
        })
        .await,
        bytes("nothing at all", STRANGER, json("200 OK", "", "")).await,
        bytes("JSON of another shape", STRANGER, json("200 OK", "", "{\"system\": 1, \"devices\": {}}")).await,
        bytes("a list", STRANGER, json("200 OK", "", "[1, 2]")).await,
    ]
}

async fn statuses() -> Vec<Entry> {
    let retry = |when: &str| json("429 Too Many Requests", &format!("retry-after: {when}\r\n"), "{}");
    vec![
        bytes("500 with ANSI and CRLF", &["connection-failed"], json("500 Oops", "", "\u{1b}[31mred\r\n\u{202e}x"))
            .await,
        bytes("502 of a gateway", &["connection-failed"], json("502 Bad Gateway", "", "<title>Bad Gateway</title>"))
            .await,
        bytes("503 while starting", &["connection-failed"], json("503 Service Unavailable", "", "{}")).await,
        bytes("401", &["needs-key"], json("401 Unauthorized", "", "{}")).await,
        bytes("403", &["needs-key"], json("403 Forbidden", "", "{}")).await,
        bytes("407", &["needs-key"], json("407 Proxy Authentication Required", "", "{}")).await,
        bytes("429, retry after 10^9 s", &["wrong-service", "service-busy"], retry("1000000000")).await,
        bytes("429, retry after a negative time", &["wrong-service", "service-busy"], retry("-5")).await,
        bytes("429, retry after a date", &["wrong-service", "service-busy"], retry("Fri, 31 Dec 9999 23:59:59 GMT"))
            .await,
        bytes("204", STRANGER, *b"HTTP/1.1 204 No Content\r\n\r\n").await,
        bytes("206", &["wrong-service"], json("206 Partial Content", "content-range: bytes 0-1/5\r\n", "{}")).await,
        bytes("404", STRANGER, json("404 Not Found", "", "{}")).await,
        // The proof of life of ComfyUI is asked after it was recognised.
        behaviour("right service, no queue", ODD, |mut peer| async move {
            while let Some(target) = peer.request().await {
                let body: &[u8] = match target.as_str() {
                    "/system_stats" => crate::socket::STATS,
                    _ => b"{\"neither\": 1}",
                };
                if !peer.answer("200 OK", "application/json", body).await {
                    return;
                }
            }
        })
        .await,
    ]
}
