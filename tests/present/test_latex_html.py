"""Tables for papers and pages: golden LaTeX and HTML, and what is set in bold."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from crossvad.present import latex_html

TEXTS = {("apn", "head_only"): ["80.0 [78.0, 83.0]", "71.0 ± 1.0†"], ("lmn", "none"): ["85.2 [83.2, 88.2]", "–"]}


@pytest.fixture
def table():
    index = pd.MultiIndex.from_tuples([*TEXTS, ("framediff", "none")], names=["method", "tuning"])
    return pd.DataFrame([*TEXTS.values(), ["60.0", "85.2"]], index=index, columns=pd.Index([0, 5], name="shots"))


def test_latex(table):
    assert (
        latex_html.latex(table, "auc in %; K < 10 & more", ["auc"])
        == r"""\begin{table}
\centering
\begin{tabular}{llrr}
\toprule
method & tuning & K = 0 & K = 5 \\
\midrule
apn & head\_only & \underline{80.0 [78.0, 83.0]} & \underline{71.0 \ensuremath{\pm} 1.0\textdagger{}} \\
lmn & none & \textbf{85.2 [83.2, 88.2]} & -- \\
framediff & none & 60.0 & \textbf{85.2} \\
\bottomrule
\end{tabular}
\caption{auc in \%; K \ensuremath{<} 10 \& more; bold: best, underlined: second; random and ramp are not ranked}
\end{table}
"""
    )


def test_latex_sets_what_stands_there():
    """Not a dash for two hyphens, nor one for a bar, as its usual fonts have it."""
    table = pd.DataFrame({"K = 0": ["–"]}, index=pd.Index(["path:a|b---c"], name="method"))
    text = latex_html.latex(table, "--where place=runs; a → b", [])
    assert r"path:a\textbar{}b-{}-{}-c & -- \\" in text
    assert r"\caption{-{}-where place=runs; a \ensuremath{\rightarrow} b}" in text


def test_tables_of_one_page_do_not_style_one_another(table):
    pages = latex_html.html(table, "", ["auc"]), latex_html.html(table[::-1], "", ["auc"])
    names = [re.search('<table id="(.*?)"', page)[1] for page in pages]
    assert names[0] != names[1] and all(name in page for name, page in zip(names, pages, strict=True))
    assert names[0] not in pages[1] and latex_html.html(table, "", ["auc"]) == pages[0]


def test_less_is_better_for_some(table):
    text = latex_html.latex(table, "", ["eer"])
    assert r"\textbf{60.0}" in text and r"\underline{80.0 [78.0, 83.0]}" in text and r"\underline{85.2}" in text


def test_each_metric_is_ranked_its_own_way():
    wide = pd.DataFrame({"auc": ["80.0", "70.0"], "delay": ["8.0", "7.0"]}, index=pd.Index(["a", "b"], name="method"))
    lines = latex_html.latex(wide, "", ["auc", "delay"]).splitlines()
    assert r"a & \textbf{80.0} & \underline{8.0} \\" in lines and r"b & \underline{70.0} & \textbf{7.0} \\" in lines


def test_what_reads_alike_ranks_alike_and_one_value_is_no_best():
    wide = pd.DataFrame({5: ["80.0 ± 1.0", "80.0 ± 2.0", "79.0"], 10: ["80.0", "80.0", "–"]}, index=["a", "b", "c"])
    text = latex_html.latex(wide.rename_axis("method"), "", ["auc"])
    assert text.count(r"\textbf{") == 2 and text.count(r"\underline{") == 1
    assert "textbf" not in latex_html.latex(wide.rename_axis("method"), "", [])


def test_controls_are_not_ranked():
    soon = pd.DataFrame({"delay": ["9.0", "7.0", "8.0"]}, index=pd.Index(["apn", "random", "lmn"], name="method"))
    lines = latex_html.latex(soon, "", ["delay"]).splitlines()
    assert r"random & 7.0 \\" in lines and r"lmn & \textbf{8.0} \\" in lines


def test_html_escapes_names(table):
    text = latex_html.html(table.rename(index={"apn": "<script>x</script>"}), "<b> & more", ["auc"])
    assert "<script>" not in text and "&lt;script&gt;" in text and "<caption>&lt;b&gt; &amp; more; bold: best" in text
    assert "font-weight: bold" in text and "text-decoration: underline" in text


def test_command(bench, north, south):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "framepred", "--shots", "0").code == 0
    done = bench("table", "--format", "latex")
    assert done.code == 0 and r"\toprule" in done.out and r"\textbf{" in done.out
    assert bench("table", "--matrix", "--format", "html").out.startswith("<style")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs LaTeX (Debian: texlive-latex-recommended)")
def test_it_compiles(table, tmp_path):
    signs = pd.DataFrame(
        {r"a&b_$%#{}~^\<>": ["80.0 ± 1.0† ↑", "– ↓"]}, index=pd.Index(["x[y=1.0]", "ö"], name="method")
    )
    body = latex_html.latex(table, "auc in %; K < 10 & more", ["auc"]) + latex_html.latex(signs, "±–†↑↓|→--", ["auc"])
    page = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + body + r"\end{document}"
    (tmp_path / "table.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0 and (tmp_path / "table.pdf").is_file(), done.stdout[-2000:]
