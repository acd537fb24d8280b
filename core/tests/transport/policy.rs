//! Who may do what: strangers get no secrets, drivers set no host fields, nothing leaves the origin.

use crate::{
    caller::{ask, backend, body, candidate, connect, get, header, host, key, post, request, socket, transport},
    server::{OK, Peer, Server},
};
use mdd_core::{
    endpoint::Endpoint,
    transport::{Policy, SecretError, Services},
};
use mdd_driver_api::{
    Effect, ErrorKind,
    abi::{HttpRequest, Segment, SegmentKind},
};

const CANARY: &str = "sk-canary-1234";

fn has(request: &str, field: &str) -> bool {
    request.lines().any(|line| line.eq_ignore_ascii_case(field))
}

#[tokio::test]
async fn secrets_travel_only_between_promotion_and_demotion() {
    let server = Server::answering(OK).await;
    let policy = candidate(server.port);
    let host = Services::under(&transport(), &policy);
    ask(&host, get("/1")).await.unwrap();
    let keys = vec![
        key("api_key", Some("authorization"), "Bearer ", &format!(" {CANARY}\n")),
        key("x", Some("X-Key"), "", "two"),
    ];
    policy.promote(keys).unwrap();
    ask(&host, get("/2")).await.unwrap();
    ask(&host, HttpRequest { ext: "{\"anonymous\": true, \"new\": 1}".into(), ..get("/3") }).await.unwrap();
    policy.demote();
    ask(&host, get("/4")).await.unwrap();
    let requests = server.seen.requests();
    assert_eq!(requests.len(), 4);
    assert!(has(&requests[1], &format!("authorization: Bearer {CANARY}")) && has(&requests[1], "x-key: two"));
    for index in [0, 2, 3] {
        assert!(
            !requests[index].contains(CANARY) && !requests[index].to_lowercase().contains("x-key"),
            "{}",
            requests[index]
        );
    }
}

#[tokio::test]
async fn secrets_never_show_in_errors_or_debug_output() {
    let server = Server::answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nx: y\r\n\r\n").await;
    let policy = candidate(server.port);
    let secret = key("api_key", Some("authorization"), "Bearer ", CANARY);
    assert!(!format!("{secret:?}").contains(CANARY));
    let broken = key("api_key", Some("authorization"), "Bearer ", "two\nlines");
    assert_eq!(policy.promote(vec![broken]), Err(SecretError::Value("api_key".to_owned())));
    let misplaced = key("api_key", Some("cookie"), "", CANARY);
    assert_eq!(policy.promote(vec![misplaced]), Err(SecretError::Header("api_key".to_owned(), "cookie".to_owned())));
    policy.promote(vec![secret]).unwrap();
    assert!(!format!("{policy:?}").contains(CANARY));
    let host = Services::under(&transport(), &policy);
    let response = ask(&host, get("/")).await.unwrap();
    assert_eq!(response.status, 401);
    assert!(!format!("{response:?}").contains(CANARY));
}

#[tokio::test]
async fn drivers_set_no_host_fields() {
    let server = Server::answering(OK).await;
    let policy = candidate(server.port);
    policy.promote(vec![key("k", Some("X-Api-Key"), "", CANARY)]).unwrap();
    let host = Services::under(&transport(), &policy);
    let forbidden = [
        "Host",
        "Origin",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Cookie",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Upgrade",
        "Expect",
        "Authorization",
        "x-api-key",
        "X-API-KEY",
        "Sec-WebSocket-Key",
        "Accept-Encoding",
        "User-Agent",
        "not a name",
        "",
    ];
    for name in forbidden {
        let error = ask(&host, HttpRequest { headers: vec![header(name, "x")].into(), ..get("/") }).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.kind), ("blocked-by-policy", ErrorKind::UNSUPPORTED), "{name}");
        assert_eq!(error.effect, Effect::NONE);
        let mut handshake = socket("/ws");
        handshake.headers = vec![header(name, "x")].into();
        let error = connect(&host, handshake).await.err().unwrap();
        assert_eq!(error.code.as_str(), "blocked-by-policy", "{name}");
    }
    let split = HttpRequest { headers: vec![header("x", "a\r\nhost: evil")].into(), ..get("/") };
    assert_eq!(ask(&host, split).await.unwrap_err().code.as_str(), "blocked-by-policy");
    assert_eq!(server.seen.connections(), 0);
    let allowed =
        HttpRequest { headers: vec![header("Accept", "text/plain"), header("x-mine", "1")].into(), ..get("/") };
    ask(&host, allowed).await.unwrap();
    let sent = &server.seen.requests()[0];
    assert!(has(sent, "accept: text/plain") && has(sent, "x-mine: 1"), "{sent}");
    assert!(sent.contains("user-agent: mdd-host/"), "{sent}");
    assert!(has(sent, &format!("host: 127.0.0.1:{}", server.port)) && !sent.contains("origin:"), "{sent}");
}

#[tokio::test]
async fn a_candidate_only_answers_questions() {
    let server = Server::answering(OK).await;
    let host = Services::under(&transport(), &candidate(server.port));
    for refused in [post("/prompt", vec![]), post("/probe/x", vec![]), request("PUT", "/probe"), request("DELETE", "/")]
    {
        let error = ask(&host, refused).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("blocked-by-policy", Effect::NONE));
    }
    let error = connect(&host, socket("/ws")).await.err().unwrap();
    assert_eq!(error.code.as_str(), "blocked-by-policy");
    for kind in [SegmentKind::SECRET_JSON, SegmentKind::SECRET_FORM] {
        let error = ask(&host, post("/probe", vec![Segment::named(kind, "k")])).await.unwrap_err();
        assert_eq!(error.code.as_str(), "blocked-by-policy");
    }
    assert_eq!(server.seen.connections(), 0);
    ask(&host, get("/")).await.unwrap();
    ask(&host, request("HEAD", "/")).await.unwrap();
    ask(&host, post("/probe?x=1", vec![Segment::bytes("{}")])).await.unwrap();
    assert_eq!(server.seen.requests().len(), 3);
}

#[tokio::test]
async fn nothing_leaves_the_origin() {
    let canary = Server::answering(OK).await;
    let server = Server::answering(OK).await;
    let endpoint: Endpoint = format!("127.0.0.1:{}/base", server.port).parse().unwrap();
    let policy = Policy::candidate(endpoint, Vec::new(), None);
    policy.promote(vec![key("k", Some("x-key"), "", CANARY)]).unwrap();
    let host = Services::under(&transport(), &policy);
    let port = canary.port;
    let targets = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{}@127.0.0.1:{port}/", server.port),
        format!("//127.0.0.1:{port}/"),
        format!("/\\127.0.0.1:{port}/"),
        "/../x".to_owned(),
        "/%2e%2e/x".to_owned(),
        "/a\nb".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for target in targets {
        let error = ask(&host, get(&target)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.kind), ("blocked-by-policy", ErrorKind::UNSUPPORTED), "{target}");
        assert_eq!(connect(&host, socket(&target)).await.err().unwrap().code.as_str(), "blocked-by-policy", "{target}");
    }
    assert_eq!(canary.seen.connections() + server.seen.connections(), 0);
    ask(&host, get("/x")).await.unwrap();
    assert!(server.seen.requests()[0].starts_with("GET /base/x HTTP/1.1\r\n"));
}

#[tokio::test]
async fn other_machines_need_the_user_s_word() {
    let transport = transport();
    let blocked = async |policy: Policy| {
        let error = ask(&Services::under(&transport, &policy), get("/")).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("blocked-by-policy", Effect::NONE), "{policy:?}");
    };
    // TEST-NET-1 (RFC 5737) and a name: nothing is sent and no resolver asked.
    for text in ["192.0.2.1:8188", "render-box:8188"] {
        blocked(Policy::candidate(text.parse().unwrap(), Vec::new(), None)).await;
    }
    // Some addresses are nobody's service, whoever allows them.
    for text in ["169.254.169.254:80", "224.0.0.1:80", "255.255.255.255:80", "[fe80::1]:80", "[ff02::1]:80"] {
        blocked(Policy::allowed_candidate(text.parse().unwrap(), Vec::new(), None)).await;
        let error = transport.dial(&text.parse().unwrap(), true).await.unwrap_err();
        assert_eq!(error.code(), "blocked-by-policy");
    }
}

#[tokio::test]
async fn cookies_belong_to_one_instance() {
    let behave = |mut peer: Peer| async move {
        while peer.request().await.is_some() {
            peer.say("HTTP/1.1 200 OK\r\nset-cookie: session=s1; Path=/; HttpOnly\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    };
    let server = Server::start(behave).await;
    let other = Server::start(behave).await;
    let transport = transport();
    let (mine, neighbour, elsewhere) = (backend(server.port), backend(server.port), backend(other.port));
    let [mine_host, neighbour, elsewhere] =
        [&mine, &neighbour, &elsewhere].map(|policy| Services::under(&transport, policy));
    let response = ask(&mine_host, get("/")).await.unwrap();
    assert!(response.headers.iter().all(|field| !field.name.eq_ignore_ascii_case("set-cookie")));
    ask(&mine_host, get("/again")).await.unwrap();
    ask(&mine_host, HttpRequest { ext: "{\"anonymous\":true}".into(), ..get("/anonymous") }).await.unwrap();
    ask(&neighbour, get("/neighbour")).await.unwrap();
    ask(&elsewhere, get("/elsewhere")).await.unwrap();
    // The handshake of a WebSocket carries them too; this server refuses it.
    assert_eq!(connect(&mine_host, socket("/ws")).await.err().unwrap().code.as_str(), "upgrade-refused");
    mine.demote();
    ask(&mine_host, get("/demoted")).await.unwrap();
    for request in server.seen.requests().iter().chain(&other.seen.requests()) {
        let expected = request.starts_with("GET /again") || request.starts_with("GET /ws");
        assert_eq!(has(request, "cookie: session=s1"), expected, "{request}");
    }
}

#[tokio::test]
async fn a_closed_instance_does_nothing_more() {
    let server = Server::start(|mut peer| async move { peer.hang().await }).await;
    let policy = backend(server.port);
    let host = Services::under(&transport(), &policy);
    let asking = host.http(HttpRequest { head_ms: u64::MAX, total_ms: u64::MAX, ..get("/") });
    let closing = async {
        crate::server::eventually("the request arrives", || server.seen.connections() == 1).await;
        policy.close();
    };
    let (result, ()) = tokio::join!(asking, closing);
    let error = result.into_result().unwrap_err();
    assert_eq!((error.code.as_str(), error.kind), ("instance-closed", ErrorKind::HOST));
    assert_eq!(ask(&host, get("/")).await.unwrap_err().kind, ErrorKind::HOST);
    assert_eq!(connect(&host, socket("/")).await.err().unwrap().kind, ErrorKind::HOST);
    crate::server::eventually("the connection ends", || server.seen.ended() == 1).await;
    assert_eq!(server.seen.connections(), 1);
}

#[tokio::test]
async fn options_that_are_no_json_and_methods_that_are_none() {
    let server = Server::answering(OK).await;
    let host = host(server.port);
    for odd in [
        HttpRequest { ext: "{".into(), ..get("/") },
        request("CONNECT", "/"),
        request("TRACE", "/"),
        request("G\r\nET", "/"),
        request("", "/"),
    ] {
        assert_eq!(ask(&host, odd).await.unwrap_err().code.as_str(), "blocked-by-policy");
    }
    assert_eq!(server.seen.connections(), 0);
    assert_eq!(body(&ask(&host, request("PATCH", "/")).await.unwrap()), "ok");
}
