#!/bin/bash
# Builds the small cloud guest `tiny` out of Debian's packages: a kernel, busybox, an ssh server and the
# scripts in guest/tiny. MBR, FAT16 for booting, ext4 for the root. Needs no root, loop device or mount.
#
#   build-tiny-image.sh OUT.qcow2
#   AGENT=1    adds qemu-guest-agent (4 MB)      SIZE_MB=64   its virtual size
#
# Host packages: syslinux syslinux-common mtools dosfstools e2fsprogs qemu-utils kmod cpio gzip openssl apt dpkg.
# Login on tty1 and ttyS0: root / tiny. ssh takes keys only, from the metadata.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
AGENT=${AGENT:-0} SIZE_MB=${SIZE_MB:-64}
say() { printf 'tiny: %s\n' "$*" >&2; }

OUT=${1:?usage: $0 OUT.qcow2}
W=$(mktemp -d "${TMPDIR:-/tmp}/tiny-image.XXXXXX")
trap 'rm -rf "$W" "$OUT.$$.part"' EXIT
R=$W/root I=$W/initrd
mkdir -p "$W/debs" "$W/x" "$W/static" "$R" "$I"

# --- packages ------------------------------------------------------------------------------------------
KERNEL=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }')
[ -n "$KERNEL" ] || { say 'apt knows no kernel: run apt-get update first'; exit 1; }
PACKAGES="$KERNEL busybox-static busybox dropbear-bin libtomcrypt1 libtommath1 zlib1g libcrypt1 libgmp10 libc6
  e2fsprogs libext2fs2 libcom-err2 libblkid1 libuuid1"
[ "$AGENT" = 1 ] && PACKAGES="$PACKAGES qemu-guest-agent libglib2.0-0 libnuma1 libudev1 liburing2 libpcre2-8-0"
say "downloading the kernel ($KERNEL), busybox, dropbear and their libraries"
# shellcheck disable=SC2086
(cd "$W/debs" && apt-get download -q $PACKAGES) > "$W/apt.log" 2>&1 || { cat "$W/apt.log" >&2; exit 1; }
say 'unpacking'
# The initramfs takes the static busybox, the root the dynamic one: the static one's name look-up crashes.
dpkg-deb -x "$W"/debs/busybox-static_*.deb "$W/static"
rm "$W"/debs/busybox-static_*.deb
for deb in "$W"/debs/*.deb; do dpkg-deb -x "$deb" "$W/x"; done
KVER=$(ls "$W/x/lib/modules" | head -1)

# --- root file system ----------------------------------------------------------------------------------
mkdir -p "$R"/{bin,sbin,usr/bin,usr/sbin,usr/lib/tiny,lib/x86_64-linux-gnu,lib64,etc/dropbear,proc,sys,dev,run,tmp} \
  "$R"/{root/.ssh,var/lib/cloud,var/log,mnt}
cp -r "$HERE/tiny/root/." "$R/"
chmod 755 "$R"/etc/init.d/* "$R/etc/udhcpc.sh" "$R"/etc/acpi/PWRF/*
chmod 700 "$R/root" "$R/root/.ssh"
chmod 1777 "$R/tmp"
cp "$W/x/bin/busybox" "$R/bin/busybox"
for applet in $("$W/x/bin/busybox" --list); do
  case $applet in busybox | init) ;; *) ln -sf busybox "$R/bin/$applet" ;; esac
done
ln -sf ../bin/busybox "$R/sbin/init"
ln -sf ../bin/busybox "$R/sbin/modprobe" # the kernel calls /sbin/modprobe
library() {
  local name found
  for name in "$@"; do
    found=$(find "$W/x" -name "$name" \( -type f -o -type l \) | head -1)
    [ -z "$found" ] || cp -L "$found" "$R/lib/x86_64-linux-gnu/$name"
  done
}
library ld-linux-x86-64.so.2 libc.so.6 libresolv.so.2 libcrypt.so.1 libz.so.1 libtomcrypt.so.1 libtommath.so.1 \
  libgmp.so.10 libext2fs.so.2 libcom_err.so.2 libblkid.so.1 libuuid.so.1 libe2p.so.2 libpthread.so.0
ln -sf ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$R/lib64/ld-linux-x86-64.so.2"
cp "$W/x/usr/sbin/dropbear" "$R/usr/sbin/"
cp "$W/x/usr/bin/dropbearkey" "$R/usr/bin/"
cp "$W/x/sbin/resize2fs" "$R/sbin/"
# Only the static busybox has passwd, which chpasswd (guest agent, admin_pass) needs.
cp "$W/static/bin/busybox" "$R/usr/lib/tiny/passwd"
cat > "$R/usr/sbin/chpasswd" <<'EOF'
#!/bin/sh
while IFS=: read -r u p; do printf '%s\n%s\n' "$p" "$p" | /usr/lib/tiny/passwd "$u" || exit 1; done
EOF
chmod 755 "$R/usr/sbin/chpasswd"
if [ "$AGENT" = 1 ]; then
  cp "$W/x/usr/sbin/qemu-ga" "$R/usr/sbin/"
  library libglib-2.0.so.0 libgmodule-2.0.so.0 libnuma.so.1 libudev.so.1 liburing.so.2 libpcre2-8.so.0 libm.so.6
fi
HASH=$(openssl passwd -6 -salt tinytiny tiny)
echo 'root:x:0:0:root:/root:/bin/sh' > "$R/etc/passwd"
echo 'root:x:0:' > "$R/etc/group"
echo "root:$HASH:19000:0:99999:7:::" > "$R/etc/shadow"
chmod 600 "$R/etc/shadow"
echo tiny > "$R/etc/hostname"
echo '127.0.0.1 localhost' > "$R/etc/hosts"
echo /bin/sh > "$R/etc/shells"
: > "$R/etc/fstab"
printf 'tiny guest \\r on \\l   (login: root, password: tiny)\n\n' > "$R/etc/issue"
printf 'PRETTY_NAME="Tiny cloud guest"\nID=tiny\n' > "$R/etc/os-release"

# --- kernel modules: the closure of what a cloud guest meets ----------------------------------------------
copy_modules() { # DEST MODULE…
  local dest=$1 module file
  shift
  mkdir -p "$dest/lib/modules/$KVER"
  cp "$W/x/lib/modules/$KVER"/modules.{builtin,order,builtin.modinfo} "$dest/lib/modules/$KVER/"
  for module in "$@"; do
    modprobe -d "$W/x" -S "$KVER" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
  done | sort -u | while read -r file; do
    file=${file#"$W/x"}
    mkdir -p "$dest$(dirname "$file")"
    cp "$W/x$file" "$dest$file"
  done
  depmod -b "$dest" "$KVER"
  (cd "$dest/lib/modules/$KVER" && find . -maxdepth 1 -name 'modules.*' ! -name modules.dep ! -name modules.alias -delete)
}
depmod -b "$W/x" "$KVER"
copy_modules "$R" virtio_pci virtio_blk virtio_net virtio_scsi virtio_console virtio-rng virtio_balloon sd_mod sr_mod \
  ata_piix isofs vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8 button evdev

# --- initramfs ---------------------------------------------------------------------------------------------
mkdir -p "$I"/{bin,proc,sys,dev,newroot}
cp "$W/static/bin/busybox" "$I/bin/"
for applet in sh mount umount modprobe switch_root sleep cat dd printf blockdev sed od; do ln -sf busybox "$I/bin/$applet"; done
copy_modules "$I" virtio_pci virtio_blk virtio_scsi sd_mod ata_piix
cp "$HERE/tiny/initramfs/init" "$I/init"
chmod 755 "$I/init"
find "$R" "$I" -exec touch -h -d @0 {} +
# gzip: an initramfs packed with xz -9 wants more memory to unpack than a small guest has.
(cd "$I" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet | gzip -9n > "$W/initrd.img")

# --- disk --------------------------------------------------------------------------------------------------
say 'making the disk'
VMLINUZ=$W/x/boot/vmlinuz-$KVER
BOOT_MB=$((($(stat -c %s "$VMLINUZ") + $(stat -c %s "$W/initrd.img")) / 1048576 + 3))
RAW=$W/disk.raw
truncate -s "${SIZE_MB}M" "$RAW"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$RAW" bs=440 count=1 conv=notrunc status=none
# The partition table by hand (no sfdisk): flag, CHS dummy, type, CHS dummy, first sector, sectors
le4() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
S1=2048 L1=$((BOOT_MB * 2048))
S2=$((S1 + L1)) L2=$((SIZE_MB * 2048 - S1 - L1))
{
  printf "\\x80\\xfe\\xff\\xff\\x06\\xfe\\xff\\xff$(le4 $S1)$(le4 $L1)"
  printf "\\x00\\xfe\\xff\\xff\\x83\\xfe\\xff\\xff$(le4 $S2)$(le4 $L2)"
} | dd of="$RAW" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$RAW" bs=1 seek=510 conv=notrunc status=none
truncate -s "${BOOT_MB}M" "$W/boot.fat"
mkfs.fat -n TINYBOOT -i 74696e79 -h 2048 "$W/boot.fat" > /dev/null
mcopy -i "$W/boot.fat" "$VMLINUZ" ::vmlinuz
mcopy -i "$W/boot.fat" "$W/initrd.img" "$HERE/tiny/boot/syslinux.cfg" ::
syslinux --install "$W/boot.fat"
dd if="$W/boot.fat" of="$RAW" bs=1M seek=1 conv=notrunc status=none
truncate -s "$((SIZE_MB - 1 - BOOT_MB))M" "$W/root.ext4"
E2FSPROGS_FAKE_TIME=1 mke2fs -q -t ext4 -L tinyroot -U 74696e79-0000-4000-8000-000000000000 -m 0 \
  -O '^has_journal,^metadata_csum_seed,resize_inode' \
  -E root_owner=0:0,resize=64G,hash_seed=74696e79-0000-4000-8000-000000000001 -i 4096 -d "$R" "$W/root.ext4"
if [ "$(id -u)" != 0 ]; then # what another user copied in still belongs to root in the guest
  (cd "$R" && find . -mindepth 1 -printf 'sif "/%P" uid 0\nsif "/%P" gid 0\n') |
    debugfs -w -f - "$W/root.ext4" > /dev/null 2>&1
fi
dd if="$W/root.ext4" of="$RAW" bs=1M seek=$((1 + BOOT_MB)) conv=notrunc,sparse status=none
mkdir -p "$(dirname "$OUT")"
qemu-img convert -O qcow2 -c "$RAW" "$OUT.$$.part"
mv "$OUT.$$.part" "$OUT"
say "$(($(stat -c %s "$OUT") / 1048576)) MB, kernel $KVER: $OUT"
