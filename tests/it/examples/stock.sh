#!/bin/sh
# Gives the price of a stock. A real one would ask a service here.
ticker=$(sed -n 's/.*"ticker":"\([^"]*\)".*/\1/p')
case $ticker in
  '^GSPC') echo '259.75 USD' ;;
  *)
    echo "no price is known for $ticker" >&2
    exit 1
    ;;
esac
