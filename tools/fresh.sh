#!/usr/bin/env bash
# Proves the README: in a bare Debian 12, a clean clone's `./dev test` is green and `./dev run` serves.
# usage: fresh.sh ROOT [--keep] [--run-only] [--ccache DIR]
#
# --ccache lends the chroot a compiler cache of this checkout, for repeating a run; the clone then stands at the checkout's own path,
# because a cache knows objects by their paths. Without it everything is compiled there.
#
# Takes this machine's package sources and proxies along, and nothing else. The clone holds what is committed.
set -euo pipefail
root=$1
shift
keep=no run_only=no cache=
while (($#)); do
    case $1 in
        --keep) keep=yes ;;
        --run-only) run_only=yes ;;
        --ccache) cache=$2; shift ;;
        *) echo "fresh.sh: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done

chroot_dir=$(mktemp -d "${TMPDIR:-/tmp}/zephyr-fresh.XXXXXX")
chmod 755 "$chroot_dir"  # the root of a real system is open to every user
mounts=()
leave() {
    local mount
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount -l "${mounts[i]}" || true; done
    if [[ $keep == yes ]]; then echo "kept: $chroot_dir"; else rm -rf --one-file-system "$chroot_dir"; fi
}
trap leave EXIT

echo "== a bare Debian 12 in $chroot_dir"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -1)
debootstrap --variant=minbase --include=ca-certificates,git,sudo bookworm "$chroot_dir" ${mirror:+"$mirror"} >"$chroot_dir.log" 2>&1 ||
    { tail -20 "$chroot_dir.log" >&2; exit 1; }
rm -f "$chroot_dir.log"
rm -f "$chroot_dir"/etc/apt/sources.list
cp -rL /etc/apt/sources.list /etc/apt/sources.list.d "$chroot_dir/etc/apt/" 2>/dev/null || cp -rL /etc/apt/sources.list.d "$chroot_dir/etc/apt/"
for piece in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/*registry* /etc/apt/auth.conf.d /etc/apt/keyrings; do
    [[ -e $piece ]] && mkdir -p "$chroot_dir$(dirname "$piece")" && cp -rL "$piece" "$chroot_dir$(dirname "$piece")/"
done
cp -L /etc/resolv.conf /etc/hosts "$chroot_dir/etc/" 2>/dev/null || true
cp -rL /etc/ssl/certs /usr/local/share/ca-certificates "$chroot_dir/tmp/" 2>/dev/null || true
mkdir -p "$chroot_dir/etc/ssl/certs" && cp -rL /etc/ssl/certs/ca-certificates.crt "$chroot_dir/etc/ssl/certs/" 2>/dev/null || true
[[ -f $HOME/.npmrc ]] && cp "$HOME/.npmrc" "$chroot_dir/root/.npmrc"
for kind in proc sys dev dev/pts; do
    mkdir -p "$chroot_dir/$kind"
    case $kind in
        proc) mount -t proc proc "$chroot_dir/proc" ;;
        sys) mount --bind /sys "$chroot_dir/sys" ;;
        dev) mount --bind /dev "$chroot_dir/dev" ;;
        dev/pts) mount --bind /dev/pts "$chroot_dir/dev/pts" ;;
    esac
    mounts+=("$chroot_dir/$kind")
done
mkdir -p "$chroot_dir/dev/shm" && mount -t tmpfs tmpfs "$chroot_dir/dev/shm" && mounts+=("$chroot_dir/dev/shm")

home=/srv/zephyr
[[ -n $cache ]] && home=$root
mkdir -p "$(dirname "$chroot_dir$home")"
git clone -q --no-hardlinks "$root" "$chroot_dir$home"
vectors=()
if [[ -n ${ZEPHYR_VECTORS:-} && -d $ZEPHYR_VECTORS ]]; then
    mkdir -p "$chroot_dir/srv/vectors"
    mount --bind "$ZEPHYR_VECTORS" "$chroot_dir/srv/vectors"
    mount -o remount,bind,ro "$chroot_dir/srv/vectors"
    mounts+=("$chroot_dir/srv/vectors")
    vectors=(ZEPHYR_VECTORS=/srv/vectors)
fi
passed=()
if [[ -n $cache ]]; then
    mkdir -p "$chroot_dir/srv/ccache"
    mount --bind "$cache" "$chroot_dir/srv/ccache"
    mounts+=("$chroot_dir/srv/ccache")
    passed+=(CCACHE_DIR=/srv/ccache)
fi
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NPM_CONFIG_REGISTRY npm_config_registry NODE_EXTRA_CA_CERTS; do
    [[ -n ${!name:-} ]] && passed+=("$name=${!name}")
done
inside() {
    chroot "$chroot_dir" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        TERM="${TERM:-dumb}" "${passed[@]}" "${vectors[@]}" "$@"
}

started=$SECONDS
if [[ $run_only == no ]]; then
    echo "== ./dev test"
    inside bash -c "cd $home && ./dev test"
    echo "== ./dev test was green after $((SECONDS - started)) s"
fi

echo "== ./dev run"
started=$SECONDS
inside bash -c "cd $home && exec ./dev run --listen 127.0.0.1:18765" >"$chroot_dir/run.log" 2>&1 &
runner=$!
for _ in $(seq 1800); do
    if inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/18765 && printf "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:18765\r\nConnection: close\r\n\r\n" >&3 && head -1 <&3' 2>/dev/null | grep -q ' 200 '; then
        echo "== ./dev run serves after $((SECONDS - started)) s:"
        grep -E 'http://' "$chroot_dir/run.log" || true
        kill -TERM "$(pgrep -f 'build/release/zephyr serve.*18765' | head -1)" 2>/dev/null || kill "$runner"
        wait "$runner" || true
        exit 0
    fi
    kill -0 "$runner" 2>/dev/null || break
    sleep 1
done
echo "== ./dev run does not serve:" >&2
tail -40 "$chroot_dir/run.log" >&2
exit 1
