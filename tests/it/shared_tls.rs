//! `rediss://`: the way to the shared tier through TLS, trusted by the roots that the machine, or `SSL_CERT_FILE`, names.

use std::time::Duration;

use crate::process::Gateway;
use crate::support::Reply;
use crate::support::certificates::Certificates;
use crate::support::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_known_root_is_trusted_and_no_other() {
    let certificates = Certificates::new();
    let [pem, key, root] = ["server.pem", "server.key", "root.pem"].map(|name| certificates.file(name));
    let redis = Redis::with_tls(&pem, &key, &root).await;
    let url = format!("rediss://localhost:{}/0", redis.tls_port().unwrap());
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
