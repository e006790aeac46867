//! The committed document is what the code generates, and what the service serves.

use std::fs;

use points_gateway::http::{openapi, router};

use crate::support::Stage;

#[test]
fn the_committed_document_is_the_generated_one() {
    let committed = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    let generated = openapi::to_json(&router::document());
    assert!(committed == generated, "run: cargo run -- openapi > openapi/openapi.json");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_served_document_is_the_generated_one() {
    let stage = Stage::start().await;
    let served = stage.get("/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    assert_eq!(served.text, openapi::to_json(&router::document()));
}

#[test]
fn every_operation_is_named_described_and_declares_its_problems() {
    let document: serde_json::Value = serde_json::from_str(&openapi::to_json(&router::document())).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 2);
    for (path, item) in paths {
        let operation = &item["get"];
        assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{path}");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["200", "304", "400", "404", "405", "410", "414", "500", "502", "503", "504"] {
            let description = responses[status]["description"].as_str().unwrap();
            assert!(!description.is_empty(), "{path} {status}");
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(parameter["description"].as_str().is_some_and(|d| !d.is_empty()), "{parameter}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documentation_pages_work_without_the_network() {
    let stage = Stage::start().await;
    let page = stage.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("://unpkg") && !page.text.contains("://cdn"), "{}", page.text);
    let script = stage.get("/docs/swagger-initializer.js").await;
    assert!(script.text.contains("../openapi.json"), "{}", script.text);
    assert_eq!(stage.get("/docs/swagger-ui-bundle.js").await.status, 200);
    assert_eq!(stage.get("/docs/no-such-file.js").await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_of_every_problem_leads_to_an_explanation() {
    let stage = Stage::start().await;
    for kind in points_gateway::http::problem::Kind::ALL {
        let page = stage.get(&format!("/problems/{}", kind.label())).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(kind.title()));
    }
    assert_eq!(stage.get("/problems/none-of-these").await.problem(), "not-found");
}
