/**
 * Russian. How the seller's account at a provider stands is no buyer's business: those failures share
 * one text. Numbers stand where one form of the noun fits all, or go through `counted`.
 */
import type { TemplateProblem } from '../domain/agent/template.ts'
import type { FailureReason } from '../domain/invocation/events.ts'
import type { PasswordProblem } from '../domain/user/password-policy.ts'
import {
  amount,
  counter,
  given,
  isScope,
  moment,
  name,
  names,
  pick,
  problem,
  sentences,
  templateProblems,
  textOf,
  whole,
} from './format.ts'
import { mails } from './mails/ru.ts'
import type { Facts, Messages } from './messages.ts'
import { siteRu } from './site/ru.ts'

/** In the genitive, as after «не больше» and «в течение»: 21 символа, 22 символов. */
const counted = counter('ru')
const quoted = (value: unknown) => names(value, (text) => `«${text}»`)
const quotedName = (value: unknown) => given`«${name(value)}»`

const wait = 'Подождите немного и повторите запрос.'
const newKey = 'Повторите запрос позже; если вы передавали Idempotency-Key, укажите новый.'

const templateTexts: Readonly<Record<TemplateProblem['code'], (name: string) => string>> = {
  malformed_placeholder: () =>
    'подстановка должна иметь вид {{name}}; чтобы получить сами скобки, напишите \\{{',
  undeclared_variable: (variable) => `переменная «${variable}» не объявлена`,
  input_missing: () => 'нет подстановки {{input}}',
  input_in_system_prompt: () => 'подстановки {{input}} здесь быть не должно',
  input_not_required: () => 'переменная «input» должна быть обязательной',
  duplicate_variable: (variable) => `переменная «${variable}» объявлена дважды`,
  too_many_variables: () => 'объявлено слишком много переменных',
  too_large: () => 'промпты слишком длинные',
}

const passwordTexts: Readonly<Record<PasswordProblem, (facts: Facts) => string | undefined>> = {
  too_short: (f) =>
    given`В пароле должно быть не меньше ${counted(pick(f, 'min', 'min_length'), 'символа', 'символов')}.`,
  too_long: (f) =>
    given`В пароле должно быть не больше ${counted(pick(f, 'max', 'max_length'), 'символа', 'символов')}.`,
  not_text: () => 'В нём есть недопустимые символы. Введите его ещё раз.',
  same_as_email: () => 'Он слишком похож на ваш адрес почты. Придумайте другой.',
  contains_product_name: () => 'Это почти одно название сервиса. Добавьте другие слова.',
  too_simple: () => 'В нём слишком мало разных символов. Придумайте более разнообразный.',
  too_common: () => 'Такие пароли подбирают первыми. Придумайте другой.',
}

const noAnswer = `Провайдер модели не дал пригодного ответа. ${newKey}`
const failureTexts: Readonly<Record<FailureReason, string>> = {
  unreachable: noAnswer,
  rate_limited: noAnswer,
  quota_exhausted: noAnswer,
  refused_key: noAnswer,
  unknown_model: noAnswer,
  provider_error: noAnswer,
  nonsense: noAnswer,
  timeout: `Провайдер модели отвечал слишком долго. ${newKey}`,
  refused_request: 'Модель не приняла этот запрос. Проверьте настройки версии агента.',
  context_exceeded: 'Промпт слишком длинный для модели. Сократите его и отправьте новый запрос.',
  content_filtered: 'Ответ остановлен фильтром провайдера. Сформулируйте запрос иначе.',
  cut_off: `Ответ оборвался, не дойдя до конца. ${newKey}`,
  aborted: 'Вызов остановлен до того, как ответ был готов.',
  expired: `Вызов не успел выполниться в срок и ничего вам не стоил. ${newKey}`,
  interrupted: `Наш сервер остановился во время вызова; вызов ничего вам не стоил. ${newKey}`,
  content_erased: 'Тексты вызова стёрты до его начала. Отправьте новый запрос.',
  calls_stopped: `Администратор временно остановил все вызовы моделей. ${newKey}`,
}

function forbidden({ needed }: Facts): string {
  if (needed === 'administrator') return 'Это может только администратор сервиса.'
  if (needed === 'user') return 'Это может только вошедший в систему человек. API-ключом нельзя.'
  if (isScope(needed))
    return `API-ключу нужно право «${needed}». Выпустите ключ, у которого оно есть.`
  return (
    given`Нужна роль ${quotedName(needed)} или выше. Обратитесь к владельцу организации.` ??
    'Попросите владельца организации дать вам это право.'
  )
}

/** «запросы, не больше 60 за 60 с», «не больше 4 одновременно». */
function limitText(f: Facts): string | undefined {
  const limit = whole(f['limit'])
  if (f['measure'] === 'concurrency') return given`не больше ${limit} одновременно`
  const what = f['measure'] === 'tokens' ? 'токены' : 'запросы'
  const seconds = whole(pick(f, 'window_seconds', 'windowSeconds'))
  return given`${what}, не больше ${limit} за ${seconds} с`
}

const problems: Messages['problems'] = {
  // identity
  invalid_credentials: problem(
    'Неверный адрес почты или пароль',
    'Проверьте их и попробуйте ещё раз.',
  ),
  current_password_wrong: problem(
    'Нынешний пароль указан неверно',
    'Ничего не изменилось. Проверьте «current_password» и попробуйте снова.',
  ),
  unauthenticated: problem(
    'Вы не вошли в систему',
    'Передайте действующий токен доступа: «Authorization: Bearer …». Если он истёк, обновите его или войдите заново.',
  ),
  session_ended: problem('Сеанс завершён', 'Войдите заново.'),
  user_deactivated: problem(
    'Учётная запись отключена',
    'Попросите администратора сервиса включить её снова.',
  ),
  user_not_found: problem('Такого пользователя нет', 'Проверьте идентификатор.'),
  email_taken: problem('Этот адрес почты занят', 'Укажите другой адрес.'),
  email_unchanged: problem(
    'Это и есть ваш адрес почты',
    'Ничего не изменилось. Чтобы сменить адрес, укажите другой.',
  ),
  password_unacceptable: problem(
    'Этот пароль не подходит',
    (f) =>
      textOf(passwordTexts, f['reason'])?.(f) ??
      'Придумайте пароль подлиннее, который трудно угадать.',
  ),
  registration_closed: problem(
    'Регистрация закрыта',
    'Попросите приглашение у администратора сервиса.',
  ),
  token_unusable: problem(
    'Ссылка или код больше не действует',
    'Срок истёк, или они уже использованы. Запросите новые.',
  ),
  too_many_hashes: problem('Сейчас входит слишком много людей', wait),
  session_not_found: problem('Такого сеанса нет', 'Список ваших сеансов: GET /me/sessions.'),
  sign_in_again: problem(
    'Для этого войдите ещё раз',
    'У вас нет пароля, поэтому нужен вход за последние десять минут. Ничего не изменилось.',
  ),
  telegram_off: problem(
    'Telegram здесь не подключён',
    'Чтобы подключить его, владелец сервиса задаёт TELEGRAM_BOT_TOKEN.',
  ),
  telegram_login_refused: problem(
    'Этот вход через Telegram не подходит',
    'Начните заново: подпись Telegram действует один раз и недолго.',
  ),
  telegram_taken: problem(
    'Этот Telegram принадлежит другому пользователю',
    'Ничего не изменилось. Войдите через него или сначала отвяжите его там.',
  ),
  telegram_already_linked: problem(
    'К вам привязан другой Telegram',
    'Ничего не изменилось. Сначала отвяжите его: DELETE /me/telegram.',
  ),
  last_way_in: problem(
    'Другого способа войти у вас нет',
    'Ничего не изменилось. Сначала подтвердите адрес почты, затем отвяжите Telegram.',
  ),
  // access
  forbidden: problem('У вас нет на это права', forbidden),
  not_found: problem('Не найдено', 'Проверьте идентификатор и организацию, указанную в запросе.'),
  organization_required: problem(
    'Непонятно, о какой организации речь',
    'Укажите её в заголовке X-Organization-Id. Список ваших организаций: GET /organizations.',
  ),
  idempotency_key_reused: problem(
    'Этот Idempotency-Key относится к другому запросу',
    'Укажите новый ключ или повторите первый запрос без изменений.',
  ),
  request_too_old: problem(
    'Запрос ждал слишком долго',
    'Он не выполнен и ничего вам не стоил. Отправьте его ещё раз.',
  ),
  policy_denied: problem('Политика этого не разрешает', (f) =>
    sentences(
      given`Правило: ${quotedName(f['rule'])}.`,
      'Обратитесь к тому, кто управляет политиками вашей организации.',
    ),
  ),
  rate_limited: problem('Слишком много за раз', (f) =>
    sentences(
      given`Ограничение: ${limitText(f)}.`,
      given`Правило: ${quotedName(f['rule'])}.`,
      'Когда повторить запрос, указано в заголовке Retry-After.',
    ),
  ),
  // policies and keys
  policy_not_found: problem(
    'Такого правила нет',
    'Список правил, которые для вас действуют: GET /policies.',
  ),
  policy_invalid: problem('В таком правиле нет смысла', (f) =>
    sentences(
      given`Проверьте поле ${quotedName(f['field'])}.`,
      given`Ожидается: ${name(f['expected'])}.`,
      'Ничего не изменено.',
    ),
  ),
  policy_widens: problem('Правило организации может только ограничивать', (f) =>
    sentences(
      given`Поле ${quotedName(f['field'])} принимает здесь ${name(f['expected'])}.`,
      'Остальное задаёт администратор сервиса.',
    ),
  ),
  too_many_policies: problem('Правил слишком много', (f) =>
    sentences(
      given`Возможно не больше ${whole(f['limit'])}.`,
      'Отключите ненужные или объедините несколько в одно.',
    ),
  ),
  too_many_api_keys: problem('API-ключей слишком много', (f) =>
    sentences(
      given`Действующих может быть не больше ${whole(f['limit'])}.`,
      'Отзовите ненужные: DELETE /api-keys/{id}.',
    ),
  ),
  api_key_not_found: problem('Такого API-ключа нет', 'Список ваших ключей: GET /api-keys.'),
  api_key_ended: problem(
    'Этот API-ключ истёк или отозван',
    'Ничего не изменено. Выпустите другой ключ.',
  ),
  api_key_expired: problem('Срок действия этого API-ключа истёк', 'Выпустите другой ключ.'),
  api_key_revoked: problem('Этот API-ключ отозван', 'Выпустите другой ключ.'),
  expiry_in_past: problem('Этот срок уже прошёл', 'Укажите время в будущем.'),
  // organizations
  organization_not_found: problem(
    'Такой организации нет',
    'Проверьте идентификатор. Список ваших организаций: GET /organizations.',
  ),
  member_not_found: problem('Такого участника нет', 'Проверьте идентификатор пользователя.'),
  already_member: problem(
    'Этот человек уже состоит в организации',
    'Если нужна другая роль, измените роль участника.',
  ),
  last_owner: problem(
    'Организации нужен владелец',
    'Сначала сделайте владельцем другого участника, затем повторите запрос.',
  ),
  invitation_unusable: problem(
    'Приглашение недействительно',
    'Срок истёк, оно уже принято, отозвано или выписано на другой адрес. Попросите новое.',
  ),
  role_above_own: problem(
    'Эта роль выше вашей',
    'Вы можете назначать, менять и снимать роли не выше своей. Обратитесь к владельцу.',
  ),
  // catalogue
  plan_not_found: problem('Такого тарифа нет', 'Список тарифов: GET /billing/plans.'),
  plan_retired: problem('Этот тариф больше не предлагается', 'Список тарифов: GET /billing/plans.'),
  price_list_not_found: problem('Такого прайс-листа нет', 'Проверьте идентификатор.'),
  model_not_found: problem('Такой модели нет', 'Проверьте название модели.'),
  model_retired: problem('Эта модель больше не предлагается', 'Выберите для агента другую модель.'),
  model_name_taken: problem(
    'Это имя занято',
    'Его уже носит модель, другое имя модели или агент. Выберите другое.',
  ),
  price_missing: problem(
    'Для этой модели не задана цена',
    'Модель без цены не вызывается. Выберите другую или попросите администратора задать цену.',
  ),
  // money
  account_not_found: problem(
    'У организации ещё нет счёта',
    'Его откроет запрос GET /billing/account.',
  ),
  insufficient_credit: problem('Недостаточно средств', (f) => {
    const waiting = pick(f, 'helps_to_wait', 'waiting_helps')
    const available = amount(f['available'])
    return sentences(
      (waiting === true &&
        given`Может понадобиться до ${amount(f['needed'])}; доступно ${available}, ещё ${amount(f['held'])} в резерве под незавершённые вызовы.`) ||
        given`Может понадобиться до ${amount(f['needed'])}; доступно ${available}.`,
      waiting === true
        ? 'Повторите запрос, когда завершатся текущие вызовы, или пополните счёт.'
        : 'Пополните счёт и повторите запрос.',
    )
  }),
  budget_exceeded: problem('Бюджет не позволяет этот вызов', (f) => {
    const waiting = pick(f, 'helps_to_wait', 'waiting_helps')
    const spent = given`Бюджет ${quotedName(f['policy'])} составляет ${amount(f['amount'])}: израсходовано ${amount(f['spent'])}, в резерве под незавершённые вызовы ${amount(f['held'])}; этому вызову может понадобиться до ${amount(f['needed'])}.`
    return sentences(
      spent,
      waiting === true && 'Повторите запрос, когда завершатся текущие вызовы.',
      given`Он обновится ${moment(pick(f, 'resets_at', 'resetsAt'))}.`,
      'Остаток показывает GET /billing/budgets. Изменить бюджет может тот, кто его задал.',
    )
  }),
  spend_ceiling_reached: problem(
    'Сегодня сервис больше не принимает вызовы моделей',
    'Вызов ничего не стоил. Повторите его после полуночи по UTC или обратитесь к администратору сервиса.',
  ),
  hold_not_found: problem('Такого резерва нет', 'Список действующих резервов: GET /billing/holds.'),
  lot_not_found: problem('Такого зачисления нет', 'Все зачисления: GET /billing/ledger.'),
  charge_not_found: problem('Такого списания нет', 'Все списания: GET /billing/ledger.'),
  adjustment_too_large: problem(
    'Корректировка больше остатка списания',
    (f) =>
      given`Вернуть можно не больше ${amount(pick(f, 'largest', 'limit', 'left', 'max'))}. Укажите меньшую сумму.` ??
      'Укажите меньшую сумму.',
  ),
  not_subscribed: problem(
    'У организации нет подписки',
    'Оформить её можно запросом POST /billing/subscribe.',
  ),
  portal_not_yours: problem(
    'Портал открывается для того, кто платил',
    'Платёжной системе известен другой адрес, не ваш. Откройте портал из письма, которое она прислала на адрес плательщика.',
  ),
  billing_by_provider: problem(
    'Подпиской управляет платёжный провайдер',
    'Измените её у него: ссылку вернёт POST /billing/portal.',
  ),
  payment_not_found: problem('Такого платежа нет', 'Все платежи: GET /billing/invoices.'),
  no_payment_provider: problem(
    'Здесь ничего не оплачивается, и счета не выставляются',
    'Средства зачисляет администратор сервиса, он же ведёт учёт.',
  ),
  payment_provider_not_set: problem(
    'Подпиской управляет платёжный провайдер, к которому сервис больше не обращается',
    'Там она продолжается. Изменить или отменить её может только администратор сервиса.',
  ),
  payment_provider_unavailable: problem(
    'Платёжный провайдер сейчас недоступен',
    'Ничего не списано. Повторите запрос позже с тем же Idempotency-Key, если он был.',
  ),
  payment_provider_refused: problem(
    'Платёжный провайдер не принял запрос',
    'Ничего не списано. Если это повторится, сообщите администратору сервиса.',
  ),
  price_not_offered: problem(
    'По такой цене этот тариф не продаётся',
    'Цены каждого тарифа: GET /billing/plans.',
  ),
  billing_cycle_differs: problem(
    'Оплаченная подписка не меняется на такой период оплаты',
    'Выберите цену с тем же периодом оплаты или отмените подписку в конце периода и оформите её заново.',
  ),
  invoice_not_found: problem(
    'Документа об этом платеже нет',
    'Провайдер создаёт его вскоре после платежа. Повторите запрос позже.',
  ),
  // agents and invocations
  agent_not_found: problem('Такого агента нет', 'Список доступных вам агентов: GET /agents.'),
  agent_inactive: problem(
    'Этот агент отключён',
    'Выберите другого из GET /agents или попросите владельца включить этого.',
  ),
  slug_taken: problem('Это короткое имя занято', 'Выберите другое.'),
  label_not_found: problem('У агента нет версии с такой меткой', (f) =>
    sentences(
      given`Метки ${quotedName(f['label'])} нет ни у одной версии.`,
      given`Существующие метки: ${quoted(f['labels'])}.` ??
        'Сначала поставьте метку на версию или укажите другую.',
    ),
  ),
  version_not_found: problem(
    'У агента нет такой версии',
    (f) =>
      given`Номер последней версии: ${whole(f['latest'])}. Укажите существующую.` ??
      'Укажите существующую версию.',
  ),
  template_invalid: problem('В промпте агента есть ошибки', (f) =>
    sentences(
      templateProblems(f, templateTexts, (where, line) =>
        line === undefined ? where : `${where}, строка ${line}`,
      ),
      'Исправьте промпт и опубликуйте его снова.',
    ),
  ),
  input_required: problem('Не указан input', 'Передайте в поле «input» непустой текст для агента.'),
  variables_invalid: problem('Переменные не подходят агенту', (f) =>
    sentences(
      given`Не указаны: ${quoted(f['missing'])}.`,
      given`Агенту неизвестны: ${quoted(f['unknown'])}.`,
      given`Слишком длинные: ${names(pick(f, 'too_long', 'tooLong'), (text, entry) => {
        const most = counted(pick(entry, 'max_length', 'maxLength'), 'символа', 'символов')
        return `«${text}»${most ? ` (не больше ${most})` : ''}`
      })}.`,
      given`Должны быть текстом: ${quoted(pick(f, 'not_text', 'notText'))}.`,
      'Исправьте поле «variables» и повторите запрос.',
    ),
  ),
  prompt_too_large: problem('Промпт слишком большой', (f) =>
    sentences(
      given`Размер в токенах: ${whole(f['tokens'])}, предел: ${whole(f['limit'])}.` ??
        given`Размер в байтах: ${whole(f['bytes'])}, предел: ${whole(pick(f, 'limit_bytes', 'limitBytes', 'limit'))}.`,
      'Сократите промпт или то, что в него подставляется.',
    ),
  ),
  context_exceeded: problem('Вызов не помещается в контекст модели', (f) =>
    sentences(
      given`На промпт и ответ может уйти токенов: ${whole(f['tokens'])}, предел модели: ${whole(f['limit'])}.`,
      'Сократите входной текст или уменьшите допустимую длину ответа агента.',
    ),
  ),
  parameter_not_allowed: problem('Агент не принимает этого от вызывающих', (f) =>
    sentences(
      given`Параметр ${name(f['parameter'])} не принят: настройка ${name(f['setting'])} версии агента его не разрешает.`,
      'Уберите его или опубликуйте версию, которая его разрешает.',
    ),
  ),
  invocation_not_found: problem(
    'Такого вызова нет',
    'Проверьте идентификатор. Список ваших вызовов: GET /invocations.',
  ),
  invocation_ended: problem(
    'Вызов уже завершён',
    'Делать больше ничего не нужно. Чем он закончился, покажет GET /invocations/{id}.',
  ),
  invocation_failed: problem('Вызов не удался', (f) =>
    sentences(
      textOf(failureTexts, f['reason']) ?? noAnswer,
      given`Подробности: GET /invocations/${name(pick(f, 'invocation_id', 'invocationId'))}.`,
    ),
  ),
  provider_unavailable: problem('Провайдер модели сейчас недоступен', newKey),
  provider_refused: problem(
    'Провайдер модели не принял запрос',
    'Повторите запрос позже. Если это повторится, сообщите администратору сервиса.',
  ),
  provider_timeout: problem('Провайдер модели отвечал слишком долго', newKey),
  content_erased: problem(
    'Текст стёрт',
    'Восстановить его нельзя. Чтобы получить новый ответ, отправьте новый запрос с новым Idempotency-Key.',
  ),
  calls_stopped: problem(
    'Вызовы моделей остановлены',
    'Администратор сервиса временно остановил их. Повторите запрос позже.',
  ),
  webhook_off: problem(
    'По этому адресу ничего не принимается',
    'Администратор сервиса не задал секрет, которым подписываются сообщения.',
  ),
  signature_invalid: problem(
    'Подпись сообщения неверна',
    'Подпишите байты тела в момент отправки секретом, который известен обеим сторонам.',
  ),
  message_unreadable: {
    title: 'Сообщение нельзя понять',
    detail: ({ field }) =>
      `В нём нет пригодного поля «${typeof field === 'string' ? field : 'body'}».`,
  },
  paddle_event_not_found: problem(
    'Такого события Paddle нет',
    'Проверьте идентификатор: он начинается с evt_. То, что сюда не дошло, можно запросить у Paddle.',
  ),
  paddle_event_not_parked: problem(
    'Это событие Paddle ничего не ждёт',
    'Отклонить можно только отложенное событие. Его status говорит, что с ним стало.',
  ),
  // the door itself
  invalid_input: problem(
    'Запрос составлен неверно',
    'В «errors» названо каждое поле и то, что в нём ожидается. Исправьте их и повторите запрос.',
  ),
  malformed_body: problem(
    'Не удалось прочитать тело запроса',
    'Отправьте правильный JSON в UTF-8. В «errors» указано, где ошибка.',
  ),
  unsupported_media_type: problem(
    'Такой тип содержимого не поддерживается',
    'Отправьте JSON с заголовком «Content-Type: application/json».',
  ),
  body_too_large: problem('Тело запроса слишком большое', 'Отправьте меньше данных.'),
  route_not_found: problem(
    'По этому адресу ничего нет',
    'Проверьте путь. Все адреса описаны в /docs.',
  ),
  method_not_allowed: problem(
    'Этот метод здесь не разрешён',
    'Проверьте метод запроса. Все адреса описаны в /docs.',
  ),
  stream_busy: problem('В этот же момент данные менял кто-то другой', wait),
  precondition_failed: problem('Данные изменились с тех пор, как вы их прочитали', (f) =>
    sentences(
      given`Текущая ревизия: ${whole(f['revision'])}.`,
      'Прочитайте их ещё раз и повторите изменение с новым ETag в If-Match.',
    ),
  ),
  event_too_large: problem('Это слишком много для одной записи', 'Отправьте меньше текста за раз.'),
  view_behind: problem('До указанной позиции данные ещё не дошли', wait),
  unavailable: problem('Сервис сейчас не может ответить', (f) =>
    sentences(given`Не отвечает одна из его частей (${name(f['service'])}).`, wait),
  ),
  stopping: problem('Сервер перезапускается', wait),
  client_left: problem('Соединение закрыто раньше, чем пришёл ответ', 'Отправьте запрос ещё раз.'),
  internal: problem(
    'У нас что-то пошло не так',
    'Повторите запрос. Если ошибка останется, сообщите «request_id» администратору сервиса.',
  ),
}

export const ru: Messages = {
  locale: 'ru',
  language: 'Русский',
  problems,
  mail: mails,
  site: siteRu,
  texts: {
    registered:
      'Если этот адрес можно использовать, письмо на него уже отправляется. Чтобы продолжить, откройте ссылку из письма.',
  },
  fields: {
    'a time later than from': 'время позже from',
    'a name of a field': 'имя поля',
    '1 to 128 of A-Z, a-z, 0-9, ., _, ~ and -': 'от 1 до 128 знаков: A-Z, a-z, 0-9, ., _, ~ и -',
    '43 to 128 of A-Z, a-z, 0-9, ., _, ~ and -': 'от 43 до 128 знаков: A-Z, a-z, 0-9, ., _, ~ и -',
    'SHA-256 in base64url without padding': 'SHA-256 в base64url без заполнения',
    'an action that a route declares': 'действие, которое есть у одного из маршрутов',
    'which one: several have this action': 'какой именно: такое действие есть у нескольких',
    'only tools of type "function"': 'только инструменты типа "function"',
    'one answer is made for a request: n is 1': 'на запрос делается один ответ: n равно 1',
    'is not supported here': 'здесь не поддерживается',
    'is only for requests with tools': 'только для запросов с инструментами',
    'system, developer, user, assistant or tool': 'system, developer, user, assistant или tool',
    'a text, or a list of parts of type "text"': 'текст или список частей типа "text"',
    'a message of the user is needed': 'нужно сообщение пользователя',
    'must end with the user or with a tool':
      'последним должно быть сообщение пользователя или инструмента',
    'a text is needed': 'нужен текст',
    'only parts of type "text" are taken': 'принимаются только части типа "text"',
    'images are not taken': 'изображения не принимаются',
    'audio is not taken': 'звук не принимается',
    'files are not taken': 'файлы не принимаются',
    'the id of a tool call of a message before': 'id вызова инструмента из предыдущего сообщения',
    'a JSON body is required': 'нужно тело запроса в формате JSON',
    'must be empty': 'должно быть пустым',
    'is not an address of this API': 'не адрес этого API',
    'is not valid JSON': 'не является правильным JSON',
    'is nested deeper than 32': 'вложено глубже 32 уровней',
    'is not well-formed text (a lone surrogate)':
      'содержит неправильный текст (одиночный суррогат)',
    'must not contain NUL': 'не должно содержать NUL',
    'is not a number': 'не является числом',
    'is not UTF-8': 'не в кодировке UTF-8',
    'not understood': 'не удалось разобрать',
    'unknown parameter': 'неизвестный параметр',
    'a position, as X-Position of an answer gave it': 'позиция, какой её дал X-Position ответа',
    '1 to 255 visible ASCII characters': 'от 1 до 255 видимых символов ASCII',
    '1 to 256 printable characters': 'от 1 до 256 печатных символов',
    '1 to 256 characters without blanks': 'от 1 до 256 символов без пробелов',
    'a slug': 'слаг: строчные буквы, цифры и дефисы',
    'one ETag of this resource, as "7"': 'один ETag этого ресурса, например "7"',
    'the id of an event of this call, as 1.120': 'id события этого вызова, например 1.120',
    'next_cursor of a page of this list, with the same filters':
      'next_cursor страницы этого же списка с теми же фильтрами',
    'a member other than yourself': 'другой участник, не вы сами',
    'the name of a stream, as account-org_…': 'имя потока, например account-org_…',
    'an X-Request-Id': 'X-Request-Id',
    'a kind of stream, as account': 'вид потока, например account',
    'a type of event, as HoldSettled': 'тип события, например HoldSettled',
    'the id of a user or key, the name of a worker, operator or anonymous':
      'id пользователя или ключа, имя обработчика, operator или anonymous',
    'a time to come': 'время в будущем',
    'is needed to change the address or the password': 'нужен, чтобы изменить адрес или пароль',
    'nothing to change': 'нечего менять',
    'name, active or both': 'name, active или оба',
    'at most 16 keys': 'не больше 16 ключей',
    'an e-mail address': 'адрес электронной почты',
    'an id': 'идентификатор',
    'a whole number above 0': 'целое число больше 0',
    'only in a budget per organization or per agent': 'только в бюджете организации или агента',
    'a language such as "en"': 'язык, например "en"',
    'a lower-case word': 'слово из строчных букв',
    'a lower-case letter, then letters, digits, _ or -':
      'строчная буква, затем буквы, цифры, _ или -',
    'a name like topic_1': 'имя вида topic_1',
    'lower-case letters, digits, dashes': 'строчные буквы, цифры, дефисы',
    'lower-case letters, digits and dashes': 'строчные буквы, цифры и дефисы',
    'the name of a model': 'имя модели',
    'the name of a setting': 'имя настройки',
    'a decimal string such as "10.00", at most 9 decimals':
      'десятичное число строкой, например "10.00", не больше 9 знаков после точки',
    'a decimal string such as "0.10" or "-0.10"':
      'десятичное число строкой, например "0.10" или "-0.10"',
  },
}
