/**
 * What a page owes to everybody, as an expression that is evaluated on it and answers what is missing:
 * names of fields, headings, contrast, room on a narrow screen.
 */
export const lacks = `(() => {
  const missing = []
  const need = (there, what) => { if (!there) missing.push(what) }
  const all = (selector) => [...document.querySelectorAll(selector)]
  need(/^(en|ru)$/.test(document.documentElement.lang), 'lang')
  need(document.title.trim().length > 3, 'title')
  need(all('h1').length === 1, 'one h1')
  need(all('main').length === 1 && all('header').length === 1, 'landmarks')
  need(document.querySelector('meta[name=viewport]'), 'viewport')
  for (const field of all('input:not([type=hidden]), textarea')) {
    need(field.labels.length === 1 && field.labels[0].innerText.trim(), 'label of ' + field.id)
    need(all('#' + field.id).length === 1, 'one id ' + field.id)
    const hint = field.getAttribute('aria-describedby')
    need(!hint || document.getElementById(hint), 'hint of ' + field.id)
  }
  for (const field of all('input[type=password], input[type=email]'))
    need(field.autocomplete && field.name, 'autocomplete of ' + field.id)
  for (const button of all('button, a')) need(button.innerText.trim(), 'text of a button or a link')
  for (const button of all('button'))
    need(button.getBoundingClientRect().height >= 44, 'height of ' + button.innerText)
  for (const picture of all('svg')) need(picture.getAttribute('aria-hidden') === 'true', 'hidden svg')
  const { scrollWidth, clientWidth } = document.documentElement
  need(scrollWidth <= clientWidth, 'room: ' + scrollWidth + ' of ' + clientWidth)
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor
      if (numbers(colour)[3] !== 0) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  for (const one of all('h1, h2, p, label, button, a, strong, .note, header span, input:not([type=hidden]), textarea')) {
    const [upper, lower] = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => b - a)
    const contrast = (upper + 0.05) / (lower + 0.05)
    need(contrast >= 4.5, 'contrast of ' + one.tagName + ' ' + contrast.toFixed(1))
  }
  return missing
})()`

/** Whether whoever moves by the keyboard sees where they are. */
export const focusIsSeen = `(() => {
  const style = getComputedStyle(document.activeElement)
  return document.activeElement !== document.body && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
})()`
