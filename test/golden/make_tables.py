"""Odd tables as pandas reads them: test/golden/tables.json.

    python -m venv /tmp/pandas && /tmp/pandas/bin/pip install pandas==3.1.1
    /tmp/pandas/bin/python test/golden/make_tables.py
"""

import base64
import io
import json
import pathlib

import pandas

HEADER = "image_files,labels\n"
ROWS = "a/1.jpg,0\na/2.jpg,1\n"
SEMICOLONS = "image_files;labels\na/1,5.jpg;0\na/2.jpg;1\n"

# name -> bytes or text (UTF-8), what pandas has to be told
TABLES = {
    "plain": (HEADER + ROWS, {}),
    "no line end at the end": (HEADER + ROWS.rstrip("\n"), {}),
    "Windows line ends": ((HEADER + ROWS).replace("\n", "\r\n"), {}),
    "old Mac line ends": ((HEADER + ROWS).replace("\n", "\r"), {}),
    "line ends mixed": ("image_files,labels\r\na,0\nb,1\rc,2\r\n\nd,3\n\r\ne,4", {}),
    "a byte order mark": (b"\xef\xbb\xbf" + (HEADER + ROWS).encode(), {}),
    "a byte order mark and quotes": (b"\xef\xbb\xbf" + b'"image_files","labels"\r\n"a,1.jpg","0"\r\n', {}),
    "UTF-16 with its mark": ((HEADER + "a/\u00e9\u6771.jpg,0\n").encode("utf-16"), {"encoding": "utf-16"}),
    "UTF-16, the other order": (b"\xfe\xff" + (HEADER + ROWS).encode("utf-16-be"), {"encoding": "utf-16"}),
    "UTF-16 without its mark": ((HEADER + ROWS).encode("utf-16-le"), {}),
    "semicolons": (SEMICOLONS, {"sep": ";"}),
    "semicolons, a mark, Windows": (b"\xef\xbb\xbf" + SEMICOLONS.replace("\n", "\r\n").encode(), {"sep": ";"}),
    "tabs": ((HEADER + ROWS).replace(",", "\t"), {"sep": "\t"}),
    "bars": ((HEADER + ROWS).replace(",", "|"), {"sep": "|"}),
    "spaces behind commas": ("image_files, labels\na/1.jpg, 0\na/2.jpg, 1\n", {"skipinitialspace": True}),
    "spaces behind commas, quotes": ('labels, image_files\n0, "a, 1.jpg"\n', {"skipinitialspace": True}),
    "spaces in cells": (HEADER + "a b .jpg , 0 \n", {}),
    "quotes": (HEADER + '"a,""1"".jpg","0"\n"two\nlines.jpg",1\n"two\r\nends.jpg",2\n', {}),
    "a quote inside a cell": (HEADER + 'a/12" disc.jpg,0\na/5\'9" x.jpg,1\n', {}),
    "text behind a quote": (HEADER + '"a"b.jpg,0\n', {}),
    "a quote that is not closed": (HEADER + '"a.jpg,0\nb.jpg,1\n', {}),
    "empty quotes": (HEADER + 'a.jpg,""\n', {}),
    "apostrophes": (HEADER + "'.jpg,0\nd'or.jpg,1\n", {}),
    "empty lines": ("\n\n" + HEADER + "\na/1.jpg,0\n\n\na/2.jpg,1\n\n", {}),
    "lines of spaces": (HEADER + "a/1.jpg,0\n   \na/2.jpg,1\n  ", {}),
    "other columns": ("id,image_files,note,labels\n7,a.jpg,,0\n8,b.jpg,x,1\n", {}),
    "pandas' own index": (",image_files,labels\n0,a.jpg,0\n1,b.jpg,1\n", {}),
    "a column twice": ("image_files,labels,labels\na.jpg,0,7\n", {}),
    "a short row": (HEADER + "a.jpg,0\nb.jpg\n", {}),
    "a long row": (HEADER + "a.jpg,0\nb,c.jpg,1\n", {}),
    "a comma at the end of each row": (HEADER + "a.jpg,0,\nb.jpg,1,\n", {}),
    "a comma at the end of each line": ("image_files,labels,\na.jpg,0,\nb.jpg,1,\n", {}),
    "a zero byte": (HEADER + "a\0b.jpg,0\n", {}),
    "Latin-1": (HEADER.encode() + b"caf\xe9.jpg,0\n", {}),
    "ten digits": (HEADER + "a.jpg,2395904891\nb.jpg,0002395904892\n", {}),
    "two forms of Unicode": (HEADER + "e\u0301.jpg,0\n\u00e8.jpg,1\n", {}),
    "words for nothing": (HEADER + "NA,0\nnull,1\nNaN,2\n", {}),
    "empty": ("", {}),
    "one empty line": ("\n", {}),
    "a header alone": (HEADER, {}),
}


def read(data: bytes, options: dict) -> dict:
    try:
        table = pandas.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, **options)
    except Exception as error:  # what pandas says of it
        return {"error": f"{type(error).__name__}: {error}"}
    names = ["" if name.startswith("Unnamed: ") else name for name in table.columns]
    rows = [[None if pandas.isna(cell) else cell for cell in row] for row in table.values.tolist()]
    return {"columns": names, "rows": rows, "hasIndex": not isinstance(table.index, pandas.RangeIndex)}


tables = []
for name, (content, options) in TABLES.items():
    data = content.encode() if isinstance(content, str) else content
    tables.append({"name": name, "bytes": base64.b64encode(data).decode(), "options": options, **read(data, options)})
path = pathlib.Path(__file__).with_name("tables.json")
path.write_text(json.dumps({"pandas": pandas.__version__, "tables": tables}, indent=1, ensure_ascii=True) + "\n")
