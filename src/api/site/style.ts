/** How the built-in pages look: one column that fits 320 pixels, light and dark, nothing loaded. */
import { markup } from './html.ts'

export const STYLE = markup`
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--text:#1b1f24;--soft:#565e68;
--line:#c9ced6;--key:#0b57c2;--on-key:#fff;--good:#126b3a;--bad:#a8201a}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1e2329;--text:#e8ebef;--soft:#a9b2bd;
--line:#454e59;--key:#8ab8ff;--on-key:#0b1a2e;--good:#6fd49b;--bad:#ff9d94}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;gap:1.25rem;
padding:2rem 1rem;background:var(--ground);color:var(--text);
font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header,main{width:100%;max-width:27rem}
header{display:flex;align-items:center;gap:.6rem;font-weight:600;color:var(--soft);overflow-wrap:anywhere}
header svg{width:1.6rem;height:1.6rem;flex:none;color:var(--key)}
main{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.5rem;
overflow-wrap:anywhere}
h1{font-size:1.45rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.1rem;margin:0 0 .25rem}
p{margin:0 0 1rem}
main>:last-child,form>:last-child,section>:last-child{margin-bottom:0}
.hint,.small{color:var(--soft);font-size:.9rem}
.hint{margin:.3rem 0 1rem}
.small{margin:1.25rem 0 0}
section{border-top:1px solid var(--line);margin-top:1.5rem;padding-top:1.25rem}
label{display:block;font-weight:600;margin-bottom:.3rem}
input,textarea{width:100%;font:inherit;padding:.6rem .7rem;color:inherit;background:var(--card);
border:1px solid var(--soft);border-radius:.4rem;margin-bottom:1rem}
input:has(+.hint){margin-bottom:0}
input[readonly],textarea{background:var(--ground)}
textarea,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.85rem}
textarea{resize:vertical}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--ground);border:1px solid var(--line);
border-radius:.4rem;padding:.6rem .7rem;margin:0 0 1rem}
button,.button{display:block;width:100%;font:inherit;font-weight:600;text-align:center;
text-decoration:none;padding:.7rem 1rem;border:1px solid var(--key);border-radius:.4rem;
background:var(--key);color:var(--on-key);cursor:pointer}
a{color:var(--key)}
:focus-visible{outline:3px solid var(--key);outline-offset:2px}
.note{border-left:.3rem solid var(--bad);padding:.1rem 0 .1rem .8rem;margin:.75rem 0 1.25rem}
.note strong{display:block;color:var(--bad)}
.mark{width:2.5rem;height:2.5rem;display:block;margin-bottom:.75rem}
.good{color:var(--good)}
.bad{color:var(--bad)}
`
