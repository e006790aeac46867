//! `rediss://`: the way to the shared tier through TLS, trusted by the roots that the machine, or `SSL_CERT_FILE`, names.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Gateway;
use crate::support::Reply;
use crate::support::redis::Redis;

/// Runs openssl in `folder`.
fn openssl(folder: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split(' ')).current_dir(folder).output();
    let done = done.expect("openssl is needed: scripts/test.sh installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A root of our own, and a certificate for `localhost` that it has signed.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=root",
    );
    openssl(folder, "req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=localhost");
    openssl(
        folder,
        "x509 -req -in redis.csr -CA root.pem -CAkey root.key -CAcreateserial -out redis.pem -days 2 -extfile names",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_known_root_is_trusted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let redis = Redis::with_tls(&file("redis.pem"), &file("redis.key"), &file("root.pem")).await;
    let url = format!("rediss://localhost:{}/0", redis.tls_port().unwrap());
    let root = file("root.pem");
    for (environment, up) in [(vec![("SSL_CERT_FILE", root.as_str())], "1"), (vec![], "0")] {
        let gateway = Gateway::with_environment(&environment, &[("SHARED__URL", &url)]).await;
        assert_eq!(shared_up(&gateway, up).await, up);
    }
}

/// Whether the way is open, as soon as that is what is expected; a way that must stay shut is watched for two seconds.
async fn shared_up(gateway: &Gateway, expected: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut seen = String::new();
    for _ in 0..if expected == "1" { 200 } else { 20 } {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let text = Reply::of(client.get(format!("http://{}/metrics", gateway.admin))).await.text;
        seen =
            text.lines().find_map(|line| line.strip_prefix("points_gateway_shared_up ")).unwrap().to_owned();
        if seen == expected && expected == "1" {
            break;
        }
    }
    seen
}
