cd /tmp/h2/probe; PY=/tmp/h2/main/.venv/bin/python
$PY -c "import probe2; print('\n'.join(probe2.probe.P))" > names2.txt
(echo "many 30 9000000"; echo "many 30 900000"; cat names2.txt) | while read -r n; do timeout 45 $PY probe2.py "$n" 2>err2.txt || { rc=$?; echo "$n  RC=$rc (124=over 45 s) $(tail -n1 err2.txt | cut -c1-200)"; }; done
