//! Which container a process runs in, by the name of its control group.

/// The container of a process, as the text of its `cgroup` file tells:
/// `docker 0123456789ab`. `None`: in none that is known.
///
/// Docker makes `/docker/ID` or `docker-ID.scope`, podman `libpod-ID.scope`,
/// Kubernetes `cri-containerd-ID.scope` and `crio-ID.scope` below a `kubepods`
/// slice; LXC makes `lxc.payload.NAME`; systemd-nspawn `machine-NAME.scope`.
pub(super) fn container(cgroup: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(cgroup);
    text.lines().find_map(|line| {
        // `hierarchy:controllers:path`.
        let path = line.splitn(3, ':').nth(2)?;
        let is_pod = path.contains("kubepods");
        let mut parent = "";
        path.split('/').find_map(|name| {
            let found = of_name(name, parent, is_pod);
            parent = name;
            found
        })
    })
}

fn of_name(name: &str, parent: &str, is_pod: bool) -> Option<String> {
    let plain = name.strip_suffix(".scope").unwrap_or(name);
    if let Some(machine) = plain.strip_prefix("lxc.payload.") {
        return Some(format!("lxc {machine}"));
    }
    let kinds = [
        ("docker-", "docker"),
        ("libpod-", "podman"),
        ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"),
    ];
    let found = kinds.iter().find_map(|(prefix, kind)| {
        plain.strip_prefix(prefix).filter(|id| is_id(id)).map(|id| (*kind, id))
    });
    let found = found.or_else(|| match parent {
        "docker" if is_id(plain) => Some(("docker", plain)),
        _ if is_pod && is_id(plain) => Some(("kubernetes", plain)),
        _ => None,
    });
    if let Some((kind, id)) = found {
        return Some(format!("{kind} {}", id.get(..12)?));
    }
    let machine = plain.strip_prefix("machine-").filter(|_| name.ends_with(".scope"))?;
    Some(format!("machine {machine}"))
}

/// Container ids are 64 hexadecimal digits.
fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let id = "0123456789abcdef".repeat(4);
        let cases: &[(String, Option<&str>)] = &[
            ("0::/".to_owned(), None),
            ("0::/user.slice/user-0.slice/session-1.scope".to_owned(), None),
            (format!("0::/system.slice/docker-{id}.scope"), Some("docker 0123456789ab")),
            (format!("12:pids:/docker/{id}\n0::/"), Some("docker 0123456789ab")),
            (format!("0::/machine.slice/libpod-{id}.scope/container"), Some("podman 0123456789ab")),
            (
                format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
                Some("containerd 0123456789ab"),
            ),
            (format!("0::/kubepods/burstable/pod1/{id}"), Some("kubernetes 0123456789ab")),
            ("0::/lxc.payload.web/init.scope".to_owned(), Some("lxc web")),
            ("0::/machine.slice/machine-deb.scope".to_owned(), Some("machine deb")),
            (format!("0::/docker-{}.scope", &id[..63]), None),
            ("nonsense".to_owned(), None),
        ];
        for (text, want) in cases {
            assert_eq!(container(text.as_bytes()).as_deref(), *want, "{text}");
        }
    }
}
