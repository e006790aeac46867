//! `deploy/` and the gateway know each other: paths, ports, keys, times, numbers. `scripts/manifests.sh` checks the same
//! manifests against Kubernetes' schemas, and what others than Kubernetes define.

mod rendered;
mod typed;
mod walls;
mod redis_users;
mod compose;

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use crate::support::Stage;
use rendered::{documents, entrances, overlays, read};

/// A port of a container, by number or name.
fn port(container: &Value, port: &Value) -> u64 {
    port.as_u64().unwrap_or_else(|| {
        let ports = container["ports"].as_array().unwrap();
        let named = ports.iter().find(|one| one["name"] == *port).unwrap_or_else(|| panic!("no port {port}"));
        named["containerPort"].as_u64().unwrap()
    })
}

/// `512Mi` and the like, in bytes.
fn bytes(quantity: &Value) -> u64 {
    quantity.as_str().unwrap().strip_suffix("Mi").unwrap().parse::<u64>().unwrap() << 20
}

#[test]
fn every_object_is_one_that_kubernetes_knows() {
    for rendered in overlays().into_iter().chain(entrances()) {
        for document in &rendered.documents {
            let faults = typed::faults(document);
            assert!(faults.is_empty(), "{}: {}: {faults:#?}", rendered.name, document["kind"]);
        }
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    let text = read("base/deployment.yaml");
    assert_eq!(typed::faults(&documents(&text)[0]), [] as [&str; 0]);
    for (right, wrong) in [
        ("readinessProbe:", "readynessProbe:"),
        ("terminationGracePeriodSeconds:", "terminationGraceSeconds:"),
        ("readOnlyRootFilesystem:", "readonlyRootFilesystem:"),
    ] {
        let faults = typed::faults(&documents(&text.replace(right, wrong))[0]);
        assert!(faults.len() == 1 && faults[0].contains(wrong.trim_end_matches(':')), "{wrong}: {faults:?}");
    }
    let number = text.replace("failureThreshold: 30", "failureThreshold: many");
    assert_eq!(typed::faults(&documents(&number)[0]).len(), 1);
}

#[test]
fn the_configuration_is_accepted_and_every_secret_is_mounted() {
    for overlay in overlays() {
        let config = overlay.config();
        assert!(!config.kingdee.accounts.is_empty());
        // What is read from a file is read from a mounted one, or the check above had failed; nothing is written out.
        let map = overlay.named("ConfigMap", "points-gateway");
        let text = map["data"]["gateway.toml"].as_str().unwrap();
        assert!(text.contains("client_secret_file") && !text.contains("client_secret ="), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_ask_what_the_admin_listener_answers() {
    let stage = Stage::start().await;
    for overlay in overlays() {
        let (config, container) = (overlay.config(), overlay.container());
        assert!(config.http.admin_listen.ip().is_unspecified(), "a probe comes from the node");
        for (probe, path) in
            [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
        {
            let asked = &container[probe]["httpGet"];
            assert_eq!(asked["path"], path, "{}: {probe}", overlay.name);
            let at = port(container, &asked["port"]);
            assert_eq!(at, u64::from(config.http.admin_listen.port()), "{}: {probe}", overlay.name);
            assert_eq!(stage.send(stage.admin(Method::GET, path)).await.status, 200);
        }
        let annotations =
            &overlay.named("Deployment", "points-gateway")["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["prometheus.io/port"], config.http.admin_listen.port().to_string());
        let metrics = annotations["prometheus.io/path"].as_str().unwrap();
        assert_eq!(stage.send(stage.admin(Method::GET, metrics)).await.status, 200);
    }
}

#[test]
fn a_pod_is_given_time_for_the_whole_drain() {
    for overlay in overlays() {
        let drain = overlay.config().http.drain;
        let given = overlay.pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
        let needed = drain.grace + drain.idle + drain.deadline;
        assert!(given >= needed.as_secs(), "{}: {given} s for {needed:?}", overlay.name);
        let rolling = &overlay.named("Deployment", "points-gateway")["spec"]["strategy"]["rollingUpdate"];
        assert_eq!(rolling["maxUnavailable"], 0);
    }
}

#[test]
fn memory_has_room_for_the_cache_and_half_as_much_again() {
    for overlay in overlays() {
        let capacity = overlay.config().cache.capacity_bytes;
        let limit = bytes(&overlay.container()["resources"]["limits"]["memory"]);
        assert!(limit >= capacity + capacity / 2, "{}: {limit} bytes for {capacity}", overlay.name);
    }
}

#[test]
fn the_service_leads_to_where_apps_come_in_and_never_to_the_admin_port() {
    for overlay in overlays() {
        let (config, container) = (overlay.config(), overlay.container());
        let service = overlay.named("Service", "points-gateway");
        for one in service["spec"]["ports"].as_array().unwrap() {
            assert_eq!(port(container, &one["targetPort"]), u64::from(config.http.listen.port()));
        }
    }
}

#[test]
fn selectors_select_pods_that_exist() {
    for overlay in overlays() {
        let labels: BTreeSet<_> =
            overlay.templates().iter().map(|template| template["metadata"]["labels"].to_string()).collect();
        let mut selectors = Vec::new();
        for service in overlay.of_kind("Service") {
            selectors.push(&service["spec"]["selector"]);
        }
        for policy in overlay.of_kind("NetworkPolicy") {
            selectors.push(&policy["spec"]["podSelector"]["matchLabels"]);
        }
        for kind in ["PodDisruptionBudget", "Deployment", "StatefulSet"] {
            selectors.extend(overlay.of_kind(kind).iter().map(|one| &one["spec"]["selector"]["matchLabels"]));
        }
        for selector in selectors {
            assert!(labels.contains(&selector.to_string()), "{}: {selector} of {labels:?}", overlay.name);
        }
    }
}

#[test]
fn behind_every_entrance_is_the_fleet_and_paths_are_hashed_where_they_can_be() {
    let fleet = &overlays()[0];
    let mut hashing = Vec::new();
    let entrances = entrances();
    for entrance in entrances.iter().filter(|entrance| entrance.name != "base") {
        for (kind, name) in [("Deployment", "points-gateway"), ("StatefulSet", "points-gateway-redis")] {
            assert_eq!(entrance.named(kind, name), fleet.named(kind, name), "{}", entrance.name);
        }
        let [entry] =
            ["Ingress", "HTTPRoute"].iter().flat_map(|kind| entrance.of_kind(kind)).collect::<Vec<_>>()[..]
        else {
            panic!("{}: one way in", entrance.name)
        };
        let service = &fleet.named("Service", "points-gateway")["spec"]["ports"][0];
        let text = entry.to_string();
        assert!(text.contains("\"name\":\"points-gateway\""), "{text}");
        assert!(
            text.contains("\"port\":80") && service["port"] == 80 || text.contains("\"name\":\"http\""),
            "{text}"
        );
        if entrance.documents.iter().any(|document| document.to_string().contains("consistent")) {
            hashing.push(entrance.name.as_str());
        } else if entry["kind"] == "Ingress" {
            assert!(entry["spec"]["ingressClassName"].is_null(), "{}: of no class", entrance.name);
            assert!(entry["metadata"]["annotations"].is_null(), "{}: nobody's annotation", entrance.name);
        }
    }
    assert!(fleet.name == "base" || hashing.len() >= 2, "{hashing:?}");
}

#[test]
fn the_quota_is_divided_by_as_many_replicas_as_there_may_be() {
    for overlay in overlays() {
        let replicas = &overlay.named("Deployment", "points-gateway")["spec"]["replicas"];
        let [scaler] = overlay.of_kind("HorizontalPodAutoscaler")[..] else {
            assert_eq!(*replicas, 1, "{}: one replica, or a number from a scaler", overlay.name);
            continue;
        };
        assert!(replicas.is_null(), "{}: the scaler's number, or this one?", overlay.name);
        let Some(environment) = overlay.container()["env"].as_array() else {
            assert_eq!(overlay.name, "base");
            continue;
        };
        let divisor = environment.iter().find(|v| v["name"] == "POINTS_GATEWAY__SHARED__REPLICAS").unwrap();
        let divisor: u64 = divisor["value"].as_str().unwrap().parse().unwrap();
        let rolling = &overlay.named("Deployment", "points-gateway")["spec"]["strategy"]["rollingUpdate"];
        let most = scaler["spec"]["maxReplicas"].as_u64().unwrap() + rolling["maxSurge"].as_u64().unwrap();
        assert!(divisor >= most, "{}: {divisor} for {most}", overlay.name);
    }
}
