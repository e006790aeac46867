//! The laptop's `compose.yaml`, and the versions of images everywhere.

use std::collections::BTreeMap;

use points_gateway::app::demo;
use serde_json::Value;

use super::rendered::{accepted, documents, overlays, read};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn images_have_versions_and_ours_has_this_one() {
    let mut images = BTreeMap::new();
    for overlay in overlays().iter().filter(|overlay| overlay.name != "base") {
        for template in overlay.templates() {
            for container in template["spec"]["containers"].as_array().unwrap() {
                images.insert(container["image"].as_str().unwrap().to_owned(), overlay.name.clone());
            }
        }
    }
    let compose = documents(&read("compose.yaml")).remove(0);
    for (name, service) in compose["services"].as_object().unwrap() {
        images.insert(service["image"].as_str().unwrap().to_owned(), format!("compose.yaml, {name}"));
    }
    for (image, place) in images {
        let (name, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{place}: {image} has no version"));
        assert!(tag.contains('.'), "{place}: {image} is no exact version");
        if name.ends_with("points-gateway") {
            assert_eq!(tag, VERSION, "{place}");
        }
    }
}

#[test]
fn compose_runs_the_gateway_before_the_sandbox_on_its_own_loopback() {
    let text = read("compose/gateway.toml");
    let sandbox = "127.0.0.1:8090".parse().unwrap();
    assert!(text.starts_with(&demo::config_text(sandbox)), "the sandbox takes other ids by now:\n{text}");
    let compose = documents(&read("compose.yaml")).remove(0);
    let services = &compose["services"];
    assert_eq!(services["sandbox"]["network_mode"], "service:gateway");
    let variables = services["gateway"]["environment"].as_object().unwrap();
    let environment: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap())).collect();
    let file = services["gateway"]["command"][2].as_str().unwrap();
    let config = accepted("compose", file, &environment, &BTreeMap::from([(file.into(), text)]));
    let published: Vec<_> =
        services["gateway"]["ports"].as_array().unwrap().iter().map(Value::to_string).collect();
    for port in [config.http.listen.port(), config.http.admin_listen.port()] {
        let wanted = format!("\"127.0.0.1:{port}:{port}\"");
        assert!(published.contains(&wanted), "{wanted} is not in {published:?}");
    }
    let prometheus = documents(&read("compose/prometheus.yaml")).remove(0);
    let target = &prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0];
    assert_eq!(*target, format!("gateway:{}", config.http.admin_listen.port()));
}
