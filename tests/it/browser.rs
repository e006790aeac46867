//! Pages in a real Chromium, driven over the WebDriver protocol.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use points_gateway::sandbox::Fault;
use serde_json::{Value, json};

use crate::support::Stage;

/// A browser with one window. It ends with the test, whatever happens.
struct Browser {
    driver: Child,
    client: reqwest::Client,
    session: String,
    _profile: tempfile::TempDir,
}

/// Chromium's connections to its makers would be refused by a closed network, many at a time.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--window-size=1280,1400",
];

impl Browser {
    async fn open() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is not installed; scripts/test.sh installs it");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map(Result::unwrap)
            .find_map(|line| {
                line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver names its port");
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.map(String::from).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"implicit": 30_000, "pageLoad": 60_000},
            "goog:chromeOptions": {"args": arguments},
        }}});
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Browser { driver, client, session: base, _profile: profile };
        let made = browser.post("", wanted).await;
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().unwrap());
        browser
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{command}", self.session)).body(body.to_string());
        value(request).await
    }

    async fn get(&self, command: &str) -> Value {
        value(self.client.get(format!("{}{command}", self.session))).await
    }

    async fn go(&self, address: &str) {
        self.post("/url", json!({ "url": address })).await;
    }

    /// The element, waited for.
    async fn element(&self, css: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": css})).await;
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    async fn text(&self, css: &str) -> String {
        let element = self.element(css).await;
        self.get(&format!("/element/{element}/text")).await.as_str().unwrap().to_owned()
    }

    async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Keeps a picture in `target/screenshots`, for people.
    async fn picture(&self, name: &str) {
        use base64::Engine as _;
        let picture = self.get("/screenshot").await;
        let png = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), png).unwrap();
    }

    /// Speaks Chromium's own protocol.
    async fn command(&self, command: &str, parameters: Value) {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await;
    }

    /// What the page, or the browser about the page, has said since it was asked last.
    async fn console(&self) -> Vec<String> {
        let said = self.post("/se/log", json!({"type": "browser"})).await;
        said.as_array().unwrap().iter().map(Value::to_string).collect()
    }

    /// The answer of a script, asked for until it is true.
    async fn comes_true(&self, script: &str) {
        for _ in 0..600 {
            if self.run(script).await == true {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{script}");
    }

    async fn foreign_requests(&self, own: &str) -> Vec<String> {
        let loaded = self.run("return performance.getEntriesByType('resource').map(e => e.name)").await;
        let names = loaded.as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned());
        names.filter(|n| !n.starts_with(own) && !n.starts_with("data:")).collect()
    }

    async fn close(self) {
        let _ = self.client.delete(&self.session).send().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

async fn value(request: reqwest::RequestBuilder) -> Value {
    let text = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["value"]["error"].is_null(), "{text}");
    answer["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn swagger_ui_shows_rows_at_the_first_try() {
    let stage = Stage::start().await;
    let own = format!("http://{}", stage.app.public_address());
    let browser = Browser::open().await;
    browser.go(&format!("{own}/docs")).await;
    browser.click("#operations-Points_history-getPointsHistory button.execute").await;
    let body = browser
        .text("#operations-Points_history-getPointsHistory .live-responses-table .highlight-code")
        .await;
    browser.picture("swagger-ui.png").await;
    assert!(body.contains("王小满") && body.contains("\"entries\""), "{body}");
    assert_eq!(browser.foreign_requests(&own).await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_landing_page_looks_a_member_up() {
    let stage = Stage::start().await;
    let own = format!("http://{}", stage.app.public_address());
    let browser = Browser::open().await;
    browser.go(&own).await;
    browser.run("document.querySelector('[name=member]').value = '1003'").await;
    browser.click("button.go").await;
    browser.element("#rows tr:nth-child(20)").await;
    assert_eq!(browser.text("#name").await, "王小满");
    browser.click("#next").await;
    assert_eq!(browser.run("return document.querySelectorAll('#rows tr').length").await, 20);
    browser.picture("landing.png").await;
    assert_eq!(browser.foreign_requests(&own).await, Vec::<String>::new());
    browser.close().await;
}

/// Points of a chart's first line.
const POINTS: &str = "return document.querySelector('#chart-hits .line').getAttribute('d').split('L').length";

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_lives() {
    let stage = Stage::start().await;
    let own = format!("http://{}", stage.app.admin_address());
    for page in 1..=3 {
        stage.get(&format!("/members/1005/points-history?page={page}")).await.page();
        stage.clock.advance(std::time::Duration::from_secs(10));
        stage.app.status().sample();
    }
    let browser = Browser::open().await;
    browser.go(&own).await;
    assert_eq!(browser.text("#phase").await, "serving");
    assert_eq!(browser.text("[data-account=main] .pill").await, "breaker closed");
    assert_eq!(browser.text("#attention").await, "Nothing needs attention.");
    assert_eq!(browser.run(POINTS).await, 3);
    let charts = "return [...document.querySelectorAll('.chart')].every(c => c.querySelector('.line').getAttribute('d'))";
    assert_eq!(browser.run(charts).await, true);
    // A fault appears by itself, and the next point too.
    stage.sandbox.control().fail_records(Some(Fault::Code(4012)));
    stage.get("/members/1004/points-history").await.problem();
    stage.clock.advance(std::time::Duration::from_secs(10));
    stage.app.status().sample();
    browser.comes_true("return document.querySelectorAll('#faults tbody tr').length === 1").await;
    let fault = browser.text("#faults tbody tr").await;
    assert!(fault.contains("configuration") && fault.contains("errcode 4012"), "{fault}");
    assert!(browser.text("#attention").await.contains("developer console"));
    browser.click("#settings summary").await;
    let secret = "return [...document.querySelectorAll('#settings tr')].find(r => r.textContent.includes('kingdee.client_secret')).textContent";
    let secret = browser.run(secret).await;
    assert!(secret.as_str().unwrap().contains("[redacted]"), "{secret}");
    assert_eq!(browser.console().await, Vec::<String>::new());
    assert_eq!(browser.foreign_requests(&own).await, Vec::<String>::new());
    // A gateway that has gone is said to be gone.
    stage.app.stop().await;
    browser.comes_true("return !document.getElementById('lost').hidden").await;
    assert!(browser.text("#lost").await.contains("can't be reached since"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_is_readable_in_the_dark_and_on_a_phone() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    stage.sandbox.control().fail_records(Some(Fault::Code(4012)));
    stage.get("/members/1004/points-history").await.problem();
    stage.app.status().sample();
    let browser = Browser::open().await;
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.command("Emulation.setEmulatedMedia", dark).await;
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
    browser.command("Emulation.setDeviceMetricsOverride", phone).await;
    browser.go(&format!("http://{}/status", stage.app.admin_address())).await;
    browser.element("#faults tbody tr").await;
    let brightness = |of: &str| {
        let script = format!(
            "const c = getComputedStyle(document.body).{of}.match(/[\\d.]+/g); return (+c[0] + +c[1] + +c[2]) / 3"
        );
        async { browser.run(&{ script }).await.as_f64().unwrap() }
    };
    assert!(brightness("backgroundColor").await < 60.0 && brightness("color").await > 180.0);
    browser.click("#settings summary").await;
    let wide = "return document.documentElement.scrollWidth <= 390";
    assert_eq!(browser.run(wide).await, true, "nothing reaches beyond the screen");
    browser.picture("status-dark-phone.png").await;
    assert_eq!(browser.console().await, Vec::<String>::new());
    browser.close().await;
}
