#!/bin/sh
# What udhcpc calls: sets the address, the routes (classless ones first) and the name servers.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
case $1 in
deconfig) ifconfig "$interface" 0.0.0.0 up ;;
bound | renew)
  ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}" broadcast "${broadcast:-+}"
  [ -n "$mtu" ] && ifconfig "$interface" mtu "$mtu"
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      case $2 in
      0.0.0.0) ip route replace "$1" dev "$interface" ;;
      *) ip route replace "$1" via "$2" dev "$interface" 2>/dev/null || ip route replace "$1" dev "$interface" ;;
      esac
      shift 2
    done
  else
    for r in $router; do ip route replace default via "$r" dev "$interface"; break; done
  fi
  if [ -n "$dns" ]; then
    : > /etc/resolv.conf
    [ -n "$domain" ] && echo "search $domain" >> /etc/resolv.conf
    for s in $dns; do echo "nameserver $s" >> /etc/resolv.conf; done
  fi
  ;;
esac
