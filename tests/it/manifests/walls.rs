//! What may go wrong in a pod stays there: users, capabilities, networks, secrets.

use std::collections::BTreeSet;

use super::rendered::overlays;

#[test]
fn every_pod_is_locked_down_and_walled_in() {
    for overlay in overlays() {
        let walled: BTreeSet<_> = overlay
            .of_kind("NetworkPolicy")
            .iter()
            .map(|policy| policy["spec"]["podSelector"]["matchLabels"].to_string())
            .collect();
        for template in overlay.templates() {
            let (name, pod) = (&overlay.name, &template["spec"]);
            assert!(walled.contains(&template["metadata"]["labels"].to_string()), "{name}: no NetworkPolicy");
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
            }
        }
        for policy in overlay.of_kind("NetworkPolicy") {
            for (way, peers) in [("ingress", "from"), ("egress", "to")] {
                for rule in policy["spec"][way].as_array().unwrap() {
                    // Without peers or without ports a rule lets everything through.
                    assert!(rule[peers].as_array().is_some_and(|all| !all.is_empty()), "{rule}");
                    assert!(rule["ports"].as_array().is_some_and(|all| !all.is_empty()), "{rule}");
                }
            }
        }
    }
}

#[test]
fn no_secret_is_part_of_the_manifests() {
    for overlay in overlays() {
        assert!(overlay.of_kind("Secret").is_empty(), "{}", overlay.name);
        for template in overlay.templates() {
            // A variable is seen by whoever may list processes or describe pods; a file is not.
            assert!(!template.to_string().contains("secretKeyRef"), "{}", overlay.name);
        }
    }
}
