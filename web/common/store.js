// What this browser keeps for the page. One that keeps nothing for pages throws at each access; nothing here does.

/** @typedef {'localStorage' | 'sessionStorage'} Area */

/**
 * @param {Area} area
 * @param {string} name
 * @returns {string | null} null also where nothing is kept
 */
export function read(area, name) {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {Area} area
 * @param {string} name
 * @param {string | null} text null removes what is kept
 * @returns {boolean} whether it is kept now
 */
export function keep(area, name, text) {
  try {
    if (text === null) window[area].removeItem(name);
    else window[area].setItem(name, text);
    return true;
  } catch {
    return false;
  }
}
