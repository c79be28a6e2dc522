#!/bin/sh
# Takes out of a Debian what could change it or build anything in it, and what no program here reads.
set -eu

# The packages of a compiler, of the package managers and of what only they need. What is not there is no matter.
gone=""
for package in $(dpkg-query -W -f '${Package}\n'); do
	case $package in
	apt | apt-* | libapt-* | aptitude | gcc* | g++* | cpp* | binutils* | make | libc6-dev | linux-libc-dev | \
		perl* | libperl* | python3-pip* | python3-wheel | python3-setuptools* | python3.*-venv | python3-venv | \
		debconf | adduser | passwd | login | mount | e2fsprogs | util-linux-extra | gpgv | openssl | tzdata-legacy)
		gone="$gone $package"
		;;
	esac
done
# Their scripts would look for one another.
rm -f /var/lib/dpkg/info/*.prerm /var/lib/dpkg/info/*.postrm /var/lib/dpkg/info/*.preinst /var/lib/dpkg/info/*.triggers
# shellcheck disable=SC2086 # one argument a package
dpkg --purge --force-all $gone >/dev/null 2>&1

# pip and the wheels that venv makes one of, wherever this base keeps them.
find / -xdev \( -path /proc -o -path /sys \) -prune -o -type d \( -name ensurepip -o -name pip -o -name 'pip-*.dist-info' \
	-o -name setuptools -o -name 'setuptools-*.dist-info' -o -name python-wheels -o -name __pycache__ -path '*/ensurepip/*' \) \
	-print0 | xargs -0 rm -rf
rm -f /usr/local/bin/pip* /usr/bin/pip*

# The standard library's bytecode, which some bases leave out.
library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
python3 -m compileall -q -j 0 -x '/(test|tests|lib2to3|site-packages)/' --invalidation-mode unchecked-hash "$library"

# The list of what is installed stays: scanners read it.
cp /var/lib/dpkg/status /var/lib/dpkg-status
find / -xdev -type f \( -path '/usr/bin/dpkg*' -o -path '/usr/sbin/dpkg*' -o -path '/sbin/start-stop-daemon' \) -delete
rm -rf /var/lib/dpkg /var/lib/apt /var/cache/* /var/log/* /etc/apt /etc/dpkg /usr/share/doc /usr/share/man /usr/share/info \
	/usr/share/locale /usr/share/i18n /usr/share/perl* /usr/lib/*/perl* /usr/lib/*/gconv /root/.cache /tmp/* /var/tmp/*
mkdir -p /var/lib/dpkg
mv /var/lib/dpkg-status /var/lib/dpkg/status

# Nothing gives a process more rights than it was started with.
find / -xdev -type f \( -perm -4000 -o -perm -2000 \) -exec chmod a-s {} +
